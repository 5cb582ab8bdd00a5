//go:build !linux && !darwin && !freebsd

package recovery

import (
	"errors"
	"os"
)

// lockDir and spareBytes are not implemented on this system, so that no log is kept.
func lockDir(string) (*os.File, error) { return nil, errors.ErrUnsupported }

func spareBytes(string) (int64, error) { return 0, errors.ErrUnsupported }
