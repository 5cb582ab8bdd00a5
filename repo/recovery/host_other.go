//go:build !linux && !darwin && !freebsd

package recovery

import (
	"errors"
	"os"
)

// lockDir and spareBytes are not done here yet: nothing is spilled.
func lockDir(string) (*os.File, error) { return nil, errors.ErrUnsupported }

func spareBytes(string) (int64, error) { return 0, errors.ErrUnsupported }
