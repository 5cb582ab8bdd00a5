package nextrun

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/schedule"
)

// A timer whose time is over does not run. One that begins a little late does.
func TestJudge(t *testing.T) {
	next := time.Date(2026, 11, 30, 2, 30, 0, 0, time.Local)
	for after, fault := range map[time.Duration]string{
		-time.Hour: "", time.Minute: "", 20 * time.Hour: "it was to run at 2026-11-30 02:30, and did not",
	} {
		timer := Timer{Unit: "mailstrata.timer", Next: next}
		timer.judge(next.Add(after))
		if timer.Fault != fault || (timer.Advice == "") != (fault == "") {
			t.Errorf("%v after: %+v", after, timer)
		}
	}
}

// Where there is no systemd, the line of a cron table says when it runs, unless nothing reads it.
func TestCronTable(t *testing.T) {
	if _, ok := waiting(t.Context()); ok {
		t.Skip("this host has a timer of mailstrata")
	}
	for process, fault := range map[string]string{"crond": "", "sh": schedule.NoCron} {
		h := &schedule.Host{
			Processes: func() []string { return []string{"init", process} },
			Run: func(_ context.Context, _ []byte, name string, _ ...string) ([]byte, error) {
				if name != "crontab" {
					return nil, exec.ErrNotFound
				}
				return []byte("# mailstrata\n7 2 * * * /usr/bin/mailstrata run --quiet >/dev/null\n"), nil
			},
		}
		next, ok := First(t.Context(), h)
		if !ok || next.Next.Format("15:04") != "02:07" || next.Fault != fault || !strings.Contains(next.Unit, "cron") {
			t.Errorf("%s: %+v, %t", process, next, ok)
		}
	}
}

// What systemd 252 and 257 print.
func TestParse(t *testing.T) {
	const listed = `[{"next":1796007600000000,"left":1796007600000000,"last":1795921203000000,"passed":1795921203000000,` +
		`"unit":"mailstrata.timer","activates":"mailstrata.service"},` +
		`{"next":0,"left":0,"last":null,"passed":null,"unit":"mailstrata-prune.timer","activates":"mailstrata-prune.service"},` +
		`{"next":null,"unit":"mailstrata-check.timer"},{"next":1,"unit":"logrotate.timer"}]`
	timers := parse([]byte(listed))
	want := Timer{Unit: "mailstrata.timer", Next: time.Date(2026, 11, 30, 3, 0, 0, 0, time.UTC)}
	if len(timers) != 1 || timers[0].Unit != want.Unit || !timers[0].Next.Equal(want.Next) {
		t.Errorf("%v, want %v", timers, want)
	}
	for _, other := range []string{"", "[]", "0 timers listed.", `{"next":1}`, `[{"next":-1,"unit":"mailstrata.timer"}]`} {
		if timers := parse([]byte(other)); len(timers) > 0 {
			t.Errorf("%s has %v", other, timers)
		}
	}
}
