package testbed

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// startLimit is how long a server may take until it answers, on a busy machine.
const startLimit = 5 * time.Minute

// stopLimit is how long a server that was asked to stop may take.
const stopLimit = 10 * time.Second

// releaseLimit is how long the processes of a server that was killed may hold their addresses, on a
// busy machine.
const releaseLimit = 2 * time.Minute

// process is a running server.
type process struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when it has ended
}

// launch starts a server and waits until ready returns nil. Its output goes to the file log.
func launch(t testing.TB, cmd *exec.Cmd, log string, ready func() error) *process {
	t.Helper()
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	separate(cmd)
	p := &process{cmd: cmd, log: log, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel sends the signal of separate when the thread that started the child ends: so
		// keep the thread.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
		close(p.done)
	}()
	if err := <-started; err != nil {
		t.Fatalf("start %s: %v", filepath.Base(cmd.Path), err)
	}
	if err := p.await(ready); err != nil {
		p.stop()
		t.Fatal(err)
	}
	return p
}

// await polls, because a third-party server has no other way to report that it is ready.
func (p *process) await(ready func() error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(startLimit)
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended at once; its log:\n%s", filepath.Base(p.cmd.Path), p.tail())
		case <-deadline:
			return fmt.Errorf("%s does not answer: %w; its log:\n%s", filepath.Base(p.cmd.Path), err, p.tail())
		case <-tick.C:
		}
	}
}

// stop ends the server, and returns when it has ended.
func (p *process) stop() {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); errors.Is(err, os.ErrProcessDone) {
		<-p.done
		return
	}
	select {
	case <-p.done:
	case <-time.After(stopLimit):
		p.kill()
	}
}

// kill ends the server at once, and all processes that it started.
func (p *process) kill() {
	killAll(p.cmd)
	<-p.done
}

// tail returns the last lines of the log.
func (p *process) tail() []byte {
	data, _ := os.ReadFile(p.log)
	lines := bytes.SplitAfter(data, []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-20):], nil)
}
