package chromium

import (
	"os/exec"
	"syscall"
)

// separate makes Chromium the head of a group of processes, which ends when the test process is
// killed.
func separate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// killAll ends Chromium and the processes it started.
func killAll(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
