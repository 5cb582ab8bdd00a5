package dir

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// renameOnly renames the file if nothing has the name: renameat2(2) with RENAME_NOREPLACE.
func renameOnly(_ context.Context, _ *Dir, temp, path string) error {
	err := unix.Renameat2(unix.AT_FDCWD, temp, unix.AT_FDCWD, path, unix.RENAME_NOREPLACE)
	if err == nil {
		return nil
	}
	err = &os.LinkError{Op: "rename", Old: temp, New: path, Err: err}
	if unsupported(err) {
		return fmt.Errorf("%w: %w", errUnsupported, err)
	}
	return err
}
