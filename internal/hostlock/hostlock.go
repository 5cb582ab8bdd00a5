// Package hostlock keeps two processes of one user on one host from doing the same thing at once.
//
// A lock is on a file, and the system gives it back however the process that has it ends. The file stays: to remove it
// would let two processes each lock a file of that name.
package hostlock

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// poll is how often a lock is tried that another process has.
const poll = 200 * time.Millisecond

// errHeld: another process has the lock.
var errHeld = errors.New("another process has the lock")

// Lock is one that this process has.
type Lock struct{ file *os.File }

// Acquire takes the lock on what is called name, among the locks in the directory dir, which it makes where there is none.
// While another process has the lock, it waits, and calls waiting once, with the number of that process if it is known.
// The error wraps errors.ErrUnsupported where the system or the file system has no locks.
func Acquire(ctx context.Context, dir, name string, waiting func(process string)) (*Lock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(name))
	file, err := os.OpenFile(filepath.Join(dir, hex.EncodeToString(sum[:16])+".lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for waited := false; ; waited = true {
		err := try(file)
		if err == nil {
			note(file)
			return &Lock{file}, nil
		}
		if !errors.Is(err, errHeld) {
			file.Close()
			return nil, fmt.Errorf("lock %s: %w", file.Name(), err)
		}
		if !waited {
			waiting(holder(file))
		}
		select {
		case <-time.After(poll):
		case <-ctx.Done():
			file.Close()
			return nil, context.Cause(ctx)
		}
	}
}

// Release gives the lock back.
func (l *Lock) Release() { l.file.Close() }

// note writes this process's number into the file, for who waits. Without it the lock is as good.
func note(file *os.File) {
	_ = file.Truncate(0)
	_, _ = file.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
}

func holder(file *os.File) string {
	var text [16]byte
	n, _ := file.ReadAt(text[:], 0)
	return strings.TrimSpace(string(text[:n]))
}
