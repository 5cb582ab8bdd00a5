package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// measure runs a command, and returns what it printed and its peak memory in KiB. It reads VmHWM
// while the command runs: the Maxrss of a process is at least what its parent had when it started
// it, and that is this test with all others.
func measure(t testing.TB, cmd *exec.Cmd) (printed string, kib int64) {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	for {
		kib = max(kib, highWater(cmd.Process.Pid))
		select {
		case <-ended:
			if kib == 0 {
				t.Error("the memory of the command was never read")
			}
			return out.String(), kib
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// highWater returns the peak memory of a running process in KiB, or 0 if it has ended.
func highWater(pid int) (kib int64) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	if _, after, ok := strings.Cut(string(status), "VmHWM:"); ok {
		_, _ = fmt.Sscan(after, &kib)
	}
	return kib
}
