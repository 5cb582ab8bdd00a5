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

// peak returns the most memory that this process used, in bytes.
func peak(b *testing.B) int64 {
	var u unix.Rusage
	must(b, unix.Getrusage(unix.RUSAGE_SELF, &u))
	return int64(u.Maxrss) * 1024
}
