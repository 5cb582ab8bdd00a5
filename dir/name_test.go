package dir_test

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/mailstrata/mailstrata/dir"
)

// A refusal of hard links is taken for one, an error of the disk is explained, and another stays as
// it is.
func TestLinkError(t *testing.T) {
	failed := func(err error) error { return dir.LinkError(&os.LinkError{Op: "link", Old: "a", New: "b", Err: err}) }
	if err := failed(syscall.EPERM); !errors.Is(err, dir.ErrUnsupported) {
		t.Errorf("EPERM: %v", err)
	}
	if err := failed(syscall.EIO); errors.Is(err, dir.ErrUnsupported) || !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "rclone") {
		t.Errorf("EIO: %v", err)
	}
	if err := failed(syscall.EEXIST); !errors.Is(err, fs.ErrExist) {
		t.Errorf("EEXIST: %v", err)
	}
}
