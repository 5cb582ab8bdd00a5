//go:build unix

package document_test

import (
	"syscall"
	"time"
)

// used returns the CPU time of this process. Unlike the time of a clock it does not grow when other
// programs are busy.
func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
