package testbed

import "syscall"

// dieWithParent has the kernel end a server whose test process was killed, or panicked, before it could do so.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
}
