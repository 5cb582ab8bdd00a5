//go:build !(linux || netbsd || openbsd || (cgo && (freebsd || dragonfly)))

package keyring

import (
	"errors"
	"os/exec"
	"runtime"
)

func reach() error { return nil }

// errSecInteractionNotAllowed is how security(1) of macOS ends where the Keychain is locked and no window can be shown, as over SSH.
const errSecInteractionNotAllowed = 36

func meaning(err error) error {
	var exit *exec.ExitError
	if runtime.GOOS == "darwin" && errors.As(err, &exit) && exit.ExitCode() == errSecInteractionNotAllowed {
		return ErrLocked
	}
	return nil
}
