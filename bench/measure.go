package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// usage is what something took.
type usage struct {
	wall, cpu time.Duration // cpu: user and system, of the process and those that it waited for
	peak      int64         // the largest resident set of one process, bytes
	stored    int64         // bytes in the bucket afterwards
}

// and is what two took, one after the other.
func (u usage) and(v usage) usage {
	return usage{u.wall + v.wall, u.cpu + v.cpu, max(u.peak, v.peak), max(u.stored, v.stored)}
}

// host is a home directory with its environment, as a computer of its own would have it.
type host struct {
	dir string
	env []string
}

func newHost(dir string, env ...string) (*host, error) {
	h := &host{dir, append(env, "PATH="+os.Getenv("PATH"), "HOME="+dir, "TMPDIR="+dir)}
	return h, os.MkdirAll(dir, 0o755)
}

func (h *host) path(name string) string { return filepath.Join(h.dir, name) }

// measure runs a command. A status among those tolerated is no failure.
func (h *host) measure(ctx context.Context, tolerated []int, name string, args ...string) (usage, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = h.dir, h.env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	begin := time.Now()
	err := cmd.Run()
	wall := time.Since(begin)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && slices.Contains(tolerated, exit.ExitCode()) {
		fmt.Fprintf(os.Stderr, "%s ends with %d: %s\n", filepath.Base(name), exit.ExitCode(), last(out.String()))
		err = nil
	}
	if err != nil {
		return usage{}, fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, out.Bytes())
	}
	p := cmd.ProcessState
	return usage{wall: wall, cpu: p.UserTime() + p.SystemTime(), peak: peak(p)}, nil
}

// sync waits until all that the file system of a directory was given is on the disk.
func (h *host) sync(ctx context.Context, name string) (usage, error) {
	return h.measure(ctx, nil, "sync", "-f", h.path(name))
}

func last(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return lines[len(lines)-1]
}
