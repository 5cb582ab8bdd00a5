// Package nextrun asks systemd when the next backup begins.
package nextrun

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path"
	"time"
)

// Timer is a timer that waits.
type Timer struct {
	Unit string // mailstrata.timer
	Next time.Time
}

// units matches the timers of contrib/systemd, and those that people made of them.
const units = "mailstrata*.timer"

// patience bounds the wait for systemd. Who asks for a status does not wait for a manager that
// hangs.
const patience = 2 * time.Second

// First returns the timer of this user or of the system that elapses first, or false if there is
// none, or no systemd.
func First(ctx context.Context) (first Timer, ok bool) {
	if _, err := os.Stat("/run/systemd/system"); err != nil { // sd_booted(3)
		return Timer{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, manager := range []string{"--user", "--system"} {
		listed, err := exec.CommandContext(ctx, "systemctl", manager, "list-timers", "--all", "--output=json", units).Output()
		if err != nil {
			continue // no session of the user, or a systemd before version 248
		}
		for _, t := range parse(listed) {
			if !ok || t.Next.Before(first.Next) {
				first, ok = t, true
			}
		}
	}
	return first, ok
}

// parse returns the waiting timers that systemctl list-timers listed. Times are microseconds since
// 1970; of a timer that does not wait it is 0 or null.
func parse(listed []byte) (timers []Timer) {
	var rows []struct {
		Next *uint64 `json:"next"`
		Unit string  `json:"unit"`
	}
	if json.Unmarshal(listed, &rows) != nil {
		return nil
	}
	for _, row := range rows {
		matches, err := path.Match(units, row.Unit)
		if matches && err == nil && row.Next != nil && *row.Next > 0 && *row.Next < 1<<62 {
			timers = append(timers, Timer{row.Unit, time.UnixMicro(int64(*row.Next))})
		}
	}
	return timers
}
