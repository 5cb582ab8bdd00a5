// Package hostlock keeps two processes of one user on one host from doing the same thing at once.
//
// A lock is on a file, and the system releases it when the process ends. The file stays: if it were removed, two processes
// could each lock a file of that name.
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

	"github.com/mailstrata/mailstrata/internal/retry"
)

// poll is the time between two attempts to take a lock that another process has.
const poll = 200 * time.Millisecond

// errHeld: another process has the lock.
var errHeld = errors.New("another process has the lock")

// Lock is a lock that this process has.
type Lock struct{ file *os.File }

// Acquire takes the lock for a name, in a directory of locks, which it makes if it does not exist. While another process has
// the lock, it waits, and calls waiting once, with the number of that process if it is known. The error wraps
// errors.ErrUnsupported if the system or the file system has no locks.
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
		if err := retry.Sleep(ctx, poll); err != nil {
			file.Close()
			return nil, err
		}
	}
}

// Release gives the lock back.
func (l *Lock) Release() { l.file.Close() }

// note writes this process's number into the file, for processes that wait. The lock does not need it.
func note(file *os.File) {
	_ = file.Truncate(0)
	_, _ = file.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
}

func holder(file *os.File) string {
	var text [16]byte
	n, _ := file.ReadAt(text[:], 0)
	return strings.TrimSpace(string(text[:n]))
}
