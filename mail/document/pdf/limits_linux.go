package pdf

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// limitProcess sets the limits of the child process. Memory is limited as data: the address space
// that Go reserves is far larger.
func limitProcess() error {
	for _, l := range []struct {
		resource int
		limit    uint64
	}{
		{unix.RLIMIT_DATA, maxData},
		{unix.RLIMIT_CPU, 3600},
		{unix.RLIMIT_FSIZE, 64 << 20}, // compiled code
		{unix.RLIMIT_NOFILE, 64},
		{unix.RLIMIT_CORE, 0},
	} {
		if err := unix.Setrlimit(l.resource, &unix.Rlimit{Cur: l.limit, Max: l.limit}); err != nil {
			return fmt.Errorf("limit the process: %w", err)
		}
	}
	if err := tryExecutable(); err != nil {
		return fmt.Errorf("memory cannot be executable here, as with MemoryDenyWriteExecute of systemd: %w", err)
	}
	return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
}

// tryExecutable makes a page of memory executable, as wazero does after it has compiled for
// seconds.
func tryExecutable() error {
	page, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Munmap(page) }()
	return unix.Mprotect(page, unix.PROT_READ|unix.PROT_EXEC)
}
