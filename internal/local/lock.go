package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// inProcess has a lock for each path, for file systems that have no locks.
var inProcess sync.Map // path → *sync.Mutex

// patience is how long Lock waits before it calls waiting.
const patience = 100 * time.Millisecond

// Lock creates and locks the file at path, until unlock is called or the process ends. While
// another process of this host has the lock, Lock waits. It calls waiting once with the number of
// that process, or "" if it is not known; waiting may be nil. The file stays after unlock: if it
// were removed, two processes could each lock a file of that name.
//
// If the file system has no locks (NFS without lockd, some FUSE and container storage), Lock locks
// only within this process and returns the reason as missing. The caller may continue and warn,
// because such a lock is only a precaution.
func Lock(ctx context.Context, path string, waiting func(process string)) (unlock func(), missing, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, nil, Fail("lock", path, err)
	}
	type result struct {
		unlock       func()
		missing, err error
	}
	done := make(chan result, 1)
	go func() {
		unlock, err := lockFile(path)
		if !noLocks(err) {
			done <- result{unlock: unlock, err: Fail("lock", path, err)}
			return
		}
		mu, _ := inProcess.LoadOrStore(path, new(sync.Mutex))
		mu.(*sync.Mutex).Lock()
		done <- result{unlock: mu.(*sync.Mutex).Unlock, missing: Fail("lock", path, err)}
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case r := <-done:
			return r.unlock, r.missing, r.err
		case <-timer.C:
			if waiting != nil {
				waiting(holder(path))
			}
		case <-ctx.Done():
			go func() { // the pending lock cannot be interrupted
				if r := <-done; r.err == nil {
					r.unlock()
				}
			}()
			return nil, nil, context.Cause(ctx)
		}
	}
}

// lockFile locks the file at path and writes the number of this process into it, for processes that
// wait.
var lockFile = func(path string) (unlock func(), err error) {
	f, err := lockedfile.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	_ = f.Truncate(0) // the number is only informative, so errors do not matter
	_, _ = fmt.Fprintln(f, os.Getpid())
	return func() { f.Close() }, nil
}

// holder returns the number of the process that has the lock, or "".
func holder(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	text, _ := io.ReadAll(io.LimitReader(f, 16))
	return strings.TrimSpace(string(text))
}

// noLocks reports whether an error says that the file system has no locks.
func noLocks(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.ENOLCK) ||
		errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.ENOTSUP)
}
