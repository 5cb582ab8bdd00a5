package testbed

import (
	"os/exec"
	"syscall"
)

// separate makes a server the head of a group of processes, and has the kernel end it when the test
// process was killed, or panicked, before it could do so itself.
func separate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// killAll ends a server and the processes it started.
func killAll(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
