package access

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// usersPatience is how long a users_command may take.
const usersPatience = 2 * time.Minute

// Users lists the users of a users_command, a login a line. The list is remembered: most commands
// only need the names that the last backup had, and a directory service that is down must not keep
// anyone from a restore. With h.ListUsers the command runs each time. If it fails then, the users
// of before are used, and UsersError returns the error.
func (h *Host) Users(command string) ([]byte, error) {
	state, err := h.StateDir()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(command))
	remembered := filepath.Join(state, "users", hex.EncodeToString(sum[:8]))
	before, err := os.ReadFile(remembered)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err == nil && !h.ListUsers {
		return before, nil
	}
	printed, said, failed := listUsers(command)
	switch {
	case failed == nil:
		if said != "" { // in a pipe, the shell knows only how the last program ended
			h.Output.Warn("the users_command printed an error, so users may be missing: %s", ui.OneLine(said))
		}
		if bytes.Equal(printed, before) {
			return printed, nil
		}
		return printed, errors.Join(os.MkdirAll(filepath.Dir(remembered), 0o700), local.Replace(remembered, printed))
	case before == nil:
		return nil, failed
	}
	h.usersError = fmt.Errorf("users_command: %w; the users of the last time were used", failed)
	return before, nil
}

// UsersError returns the error of a users_command whose users of before were used, or nil.
func (h *Host) UsersError() error { return h.usersError }

// listUsers runs a command in a shell and returns what it prints, and the beginning of what it
// prints to the standard error.
func listUsers(command string) (users []byte, said string, err error) {
	shell := []string{"sh", "-c", command}
	if runtime.GOOS == "windows" {
		shell = []string{"cmd", "/c", command}
	}
	var printed, failed bytes.Buffer
	run := exec.Command(shell[0], shell[1:]...)
	run.Stdout, run.Stderr, run.WaitDelay = &printed, &failed, time.Second
	if err := run.Start(); err != nil {
		return nil, "", err
	}
	late := time.AfterFunc(usersPatience, func() { _ = run.Process.Kill() })
	err = run.Wait()
	said = string(bytes.TrimSpace(failed.Bytes()[:min(failed.Len(), 500)]))
	switch {
	case !late.Stop():
		return nil, said, fmt.Errorf("the command took longer than %v", usersPatience)
	case err != nil && said != "":
		return nil, said, fmt.Errorf("the command failed: %w: %s", err, said)
	case err != nil:
		return nil, said, fmt.Errorf("the command failed: %w", err)
	case len(bytes.TrimSpace(printed.Bytes())) == 0:
		return nil, said, errors.New("the command prints no users")
	}
	return printed.Bytes(), said, nil
}
