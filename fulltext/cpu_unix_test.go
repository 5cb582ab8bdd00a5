//go:build unix

package fulltext_test

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// cpu returns the CPU time that this process uses in do.
func cpu(b *testing.B, do func()) time.Duration {
	used := func() time.Duration {
		var u unix.Rusage
		must(b, unix.Getrusage(unix.RUSAGE_SELF, &u))
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	begin := used()
	do()
	return used() - begin
}
