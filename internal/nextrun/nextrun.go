// Package nextrun asks systemd, and else the user's cron table, when the next backup begins, and
// why it does not.
package nextrun

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path"
	"time"

	"github.com/mailstrata/mailstrata/internal/schedule"
)

// Timer is a timer that waits, or a line of a cron table.
type Timer struct {
	Unit string // mailstrata.timer, or what else it is
	Next time.Time

	Fault, Advice string // why it does not run, and what to do; "": it runs
}

// units matches the timers of contrib/systemd, and those that people made of them.
const units = "mailstrata*.timer"

// patience bounds the wait for systemd. Who asks for a status does not wait for a manager that
// hangs.
const patience = 2 * time.Second

// First returns what begins first: a timer of this user or of the system, or else a line of the
// user's cron table. It returns false if it finds no timer.
func First(ctx context.Context, h *schedule.Host) (first Timer, ok bool) {
	now := time.Now()
	if first, ok = waiting(ctx); !ok {
		first.Unit = "your cron table"
		first.Next, ok = h.CronNext(ctx, now)
		if ok && h.CronIsDown() {
			first.Fault, first.Advice = schedule.NoCron, schedule.StartCron
		}
		return first, ok
	}
	first.judge(now)
	return first, true
}

// grace is how long after its time a timer may begin, for example because the host slept.
const grace = time.Hour

// judge says so if the time of a timer is over.
func (t *Timer) judge(now time.Time) {
	if now.Sub(t.Next) > grace {
		t.Fault = "it was to run at " + t.Next.Local().Format("2006-01-02 15:04") + ", and did not"
		t.Advice = "systemctl status " + t.Unit + " says why; of a timer of your own, systemctl --user status"
	}
}

// waiting returns the timer of systemd that elapses first.
func waiting(ctx context.Context) (first Timer, ok bool) {
	if _, err := os.Stat("/run/systemd/system"); err != nil { // sd_booted(3)
		return Timer{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, manager := range []string{"--user", "--system"} {
		listed, err := exec.CommandContext(ctx, "systemctl",
			manager, "list-timers", "--all", "--output=json", units).Output()
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
			timers = append(timers, Timer{Unit: row.Unit, Next: time.UnixMicro(int64(*row.Next))})
		}
	}
	return timers
}
