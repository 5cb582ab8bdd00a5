//go:build !linux

package chromium

import "os/exec"

func separate(*exec.Cmd) {}

func killAll(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
