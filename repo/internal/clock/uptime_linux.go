package clock

import (
	"time"

	"golang.org/x/sys/unix"
)

// uptime counts the time that the host slept, too; Go's monotonic clock does not.
func uptime() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return 0 // the store's clock alone counts then
	}
	return time.Duration(t.Nano())
}
