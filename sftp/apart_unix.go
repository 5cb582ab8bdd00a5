//go:build unix

package sftp

import (
	"os/exec"
	"syscall"
)

// apart keeps signals of the terminal from ssh: after Ctrl-C the program may still have requests to
// make.
func apart(command *exec.Cmd) { command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
