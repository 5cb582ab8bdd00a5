package doctor

import (
	"cmp"
	"context"
	"os"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/nextrun"
	"github.com/mailstrata/mailstrata/internal/schedule"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// systemTable is where contrib/cron puts the table of the system.
const systemTable = "/etc/cron.d/mailstrata"

// Timer looks for what runs mailstrata on this host. It knows the timers of systemd, the user's own
// schedulers, and the table of contrib/cron; something else may run it all the same.
func Timer(ctx context.Context, h *access.Host) []Finding {
	e := &findings{subject: "this host"}
	own := schedule.This(h.Home(), h.Getenv)
	if next, ok := nextrun.First(ctx, own); ok {
		if next.Fault != "" {
			e.warn("timer", next.Advice, "%s: %s", next.Unit, next.Fault)
		} else {
			e.ok("timer", "%s runs next at %s, %s", next.Unit, ui.Time(next.Next), ui.Ago(next.Next))
		}
		return e.found
	}
	runs, isUnit := own.Runs(ctx)
	_, err := os.Stat(systemTable)
	switch {
	case !isUnit && (runs != "" || err == nil) && own.CronIsDown():
		e.warn("timer", schedule.StartCron, "%s; but %s", cmp.Or(runs, systemTable), schedule.NoCron)
	case isUnit:
		e.warn("timer", "systemctl --user enable --now mailstrata.timer starts it",
			"there is a unit for mailstrata, but no timer waits")
	case runs != "":
		e.ok("timer", "%s", runs)
	case err == nil:
		e.ok("timer", "%s", systemTable)
	default:
		e.warn("timer", "mailstrata setup starts one; docs/nightly.md shows others. If something else runs mailstrata, all is well",
			"found nothing that runs mailstrata by itself, such as a timer or a line in your cron table")
	}
	return e.found
}
