package local

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// inProcess has a lock for each path, for file systems without locks.
var inProcess sync.Map // path → *sync.Mutex

// Lock keeps other processes of this host from what the file at path guards, until unlock is called. It waits for them.
// If the file system has no locks (NFS without lockd, some FUSE and container storage), it locks only within this process and
// returns the reason as missing. Such a lock is a precaution, so its caller goes on and may warn.
func Lock(path string) (unlock func(), missing, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, nil, Fail("lock", path, err)
	}
	unlock, err = lockFile(path)
	if err == nil || !noLocks(err) {
		return unlock, nil, Fail("lock", path, err)
	}
	mu, _ := inProcess.LoadOrStore(path, new(sync.Mutex))
	mu.(*sync.Mutex).Lock()
	return mu.(*sync.Mutex).Unlock, Fail("lock", path, err), nil
}

var lockFile = func(path string) (unlock func(), err error) { return lockedfile.MutexAt(path).Lock() }

// noLocks reports whether an error says that the file system has no locks.
func noLocks(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.ENOLCK) ||
		errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.ENOTSUP)
}
