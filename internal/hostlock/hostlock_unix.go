//go:build linux || darwin || freebsd

package hostlock

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// try takes the lock if no process has it. It returns errors.ErrUnsupported for a file system without locks, such as NFS
// without its lock service.
func try(file *os.File) error {
	switch err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		return errHeld
	case errors.Is(err, unix.ENOLCK), errors.Is(err, unix.ENOTSUP), errors.Is(err, unix.ENOSYS):
		return fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	default:
		return err
	}
}
