package main

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A commit is what a release is built from.
type commit struct {
	dir   string    // a clone of it alone
	tools string    // the directory of the tools
	time  time.Time // every file of the release has this time
}

// checkOut clones the commit that is checked out in tree into the new directory to. Go takes the
// version of a program from a clone, and not from a linked worktree. Changes that are not committed
// are an error.
func checkOut(tree, to string) (commit, error) {
	changes, err := output(tree, "git", "status", "--porcelain", "--untracked-files=no")
	if err != nil {
		return commit{}, err
	}
	if changes != "" {
		return commit{}, fmt.Errorf("commit these changes first, because a release says which commit it was built from:\n%s", changes)
	}
	if _, err := output(tree, "git", "clone", "--quiet", tree, to); err != nil {
		return commit{}, err
	}
	text, err := output(to, "git", "log", "-1", "--format=%ct")
	if err != nil {
		return commit{}, err
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return commit{}, fmt.Errorf("read the time of the commit: %w", err)
	}
	return commit{to, filepath.Join(tree, ".testbed/bin"), time.Unix(seconds, 0).UTC()}, nil
}

// build builds the program for t into the file to, and returns its version.
func (c commit) build(t target, to string) (version string, err error) {
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=true", "-ldflags=-s -w", "-o", to, "./cmd/mailstrata")
	build.Dir = c.dir
	build.Env = append(os.Environ(), "GOFLAGS=",
		"CGO_ENABLED=0", "GOOS="+t.os, "GOARCH="+t.arch, "GOAMD64=v1", "GOARM64=v8.0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build for %v: %w\n%s", t, err, out)
	}
	info, err := buildinfo.ReadFile(to)
	if err != nil {
		return "", fmt.Errorf("read the version of the program for %v: %w", t, err)
	}
	if info.Main.Version == "" || info.Main.Version == "(devel)" || strings.Contains(info.Main.Version, "+dirty") {
		return "", fmt.Errorf("the program for %v has version %q: build from a clone with git", t, info.Main.Version)
	}
	return info.Main.Version, nil
}

// output runs a command in dir, and returns what it prints, without the last line break.
func output(dir, name string, args ...string) (string, error) {
	command := exec.Command(name, args...)
	command.Dir = dir
	out, err := command.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return "", fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, exit.Stderr)
	}
	if err != nil {
		return "", fmt.Errorf("run %s: %w", name, err)
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}
