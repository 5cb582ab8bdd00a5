//go:build unix

package schedule

import (
	"os/exec"
	"syscall"
)

// apart keeps signals of the terminal from a program: Ctrl-C ends it through the context, and so it
// never fails before the context has ended.
func apart(command *exec.Cmd) { command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
