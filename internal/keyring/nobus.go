//go:build !(linux || netbsd || openbsd || (cgo && (freebsd || dragonfly)))

package keyring

import (
	"errors"
	"os/exec"
	"runtime"
)

func reach() error { return nil }

// errSecInteractionNotAllowed is the exit status of security(1) on macOS if the Keychain is locked
// and no window can be shown, as over SSH.
const errSecInteractionNotAllowed = 36

func meaning(err error) error {
	var exit *exec.ExitError
	if runtime.GOOS == "darwin" && errors.As(err, &exit) && exit.ExitCode() == errSecInteractionNotAllowed {
		return ErrLocked
	}
	return nil
}
