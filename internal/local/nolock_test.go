package local

import (
	"errors"
	"io/fs"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
)

// On a file system without locks, Lock returns the reason and locks within the process. Any other
// error is an error.
func TestFileSystemWithoutLocks(t *testing.T) {
	real := lockFile
	defer func() { lockFile = real }()
	path := filepath.Join(t.TempDir(), "lock")
	for _, lacks := range []error{syscall.ENOLCK, syscall.EOPNOTSUPP, syscall.ENOSYS} {
		lockFile = func(string) (func(), error) { return nil, &fs.PathError{Op: "Lock", Path: path, Err: lacks} }
		unlock, missing, err := Lock(t.Context(), path, nil)
		if err != nil || !errors.Is(missing, lacks) || !Is(missing) {
			t.Fatalf("%v: missing %v, error %v", lacks, missing, err)
		}
		var released atomic.Bool
		done := make(chan bool)
		go func() {
			again, _, _ := Lock(t.Context(), path, nil)
			defer again()
			done <- released.Load()
		}()
		released.Store(true)
		unlock()
		if !<-done {
			t.Error("two parts of this process had the lock at once")
		}
	}
	lockFile = func(string) (func(), error) { return nil, &fs.PathError{Op: "open", Path: path, Err: syscall.EACCES} }
	if _, missing, err := Lock(t.Context(), path, nil); missing != nil || !Is(err) {
		t.Errorf("a refusal: missing %v, error %v", missing, err)
	}
}
