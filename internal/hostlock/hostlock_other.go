//go:build !linux && !darwin && !freebsd

package hostlock

import (
	"errors"
	"os"
)

func try(*os.File) error { return errors.ErrUnsupported }
