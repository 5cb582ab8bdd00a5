//go:build !linux

package clock

import "time"

var processStart = time.Now()

// uptime of this process: it does not count the time that the host slept on every system.
func uptime() time.Duration { return time.Since(processStart) }
