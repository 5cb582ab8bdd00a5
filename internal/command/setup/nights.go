package setup

import (
	"context"

	"github.com/mailstrata/mailstrata/internal/config/edit"
	"github.com/mailstrata/mailstrata/internal/schedule"
)

// often is how often the account is archived.
type often uint8

const (
	daily often = iota
	hourly
	byHand
)

// nights is how often the account is archived, and what is kept.
type nights struct {
	often often
	timer schedule.Timer // nil: this host has none, or none is wanted
	thin  bool           // old nights are thinned out
}

// askNights asks how often to archive, and what to keep.
func (d *dialog) askNights(ctx context.Context, p *place) (*nights, error) {
	how, err := d.choose(ctx, "How often do you want a backup?",
		"Every night", "Every hour", "Only when I run it myself")
	if err != nil {
		return nil, err
	}
	n := &nights{often: often(how)}
	if n.often != byHand {
		n.timer = d.schedulers().Find(ctx)
	}
	if p.exists && !p.mayRemove {
		return n, nil // a writer's key deletes nothing
	}
	keep, err := d.choose(ctx, "What do you want to keep? What is deleted in the account stays in the archive.",
		"Everything: every backup, for ever",
		"Less with time: 30 days, then 24 months, then a backup of each year")
	n.thin = keep == 1
	return n, err
}

// word says how often, at the end of a sentence. A backup alone thins nothing out: run does both.
func (n *nights) word() string {
	if n.often == byHand && n.thin {
		return "when you run mailstrata run, which also deletes what is not kept"
	}
	return map[often]string{daily: "every night",
		hourly: "every hour", byHand: "when you run mailstrata backup"}[n.often]
}

// tables returns the tables of the configuration for it.
func (n *nights) tables() string {
	text := ""
	if n.thin {
		text += "\n# What forget and prune leave of old backups.\n" + edit.Table("[retention]", edit.Pair{Key: "keep_daily", Value: 30},
			edit.Pair{Key: "keep_monthly", Value: 24}, edit.Pair{Key: "keep_yearly", Value: "unlimited"})
	}
	run := []edit.Pair{{Key: "check", Value: "30d"}}
	if n.thin {
		run = append(run, edit.Pair{Key: "prune", Value: "7d"})
	}
	return text + "\n# What mailstrata run does besides the backup.\n" + edit.Table("[run]", run...)
}
