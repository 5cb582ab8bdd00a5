package night

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// step runs a step, unless something before it forbids that.
func (n *night) step(ctx context.Context, s *step) {
	switch {
	case s.skip != "":
		return
	case ctx.Err() != nil:
		s.skip, s.status = "the run was interrupted", cli.StatusInterrupted
		return
	case s.deletes && n.unsafe[s.location]:
		s.skip = "something failed or was suspicious before it, so nothing is deleted"
		return
	}
	n.LimitMemory(cli.UsualMemoryLimit) // another step may have raised it
	from := n.Process
	from.Step = n.NewStep()
	var printed bytes.Buffer
	switch {
	case n.JSON:
		from.Stdout = &printed
	case n.Globals.Quiet:
		from.Stdout = io.Discard
	default:
		n.Printf("$ %s", commandLine(s.args))
		_ = n.Flush()
	}
	s.began = time.Now()
	s.status = n.again(ctx, from, append(n.Globals.Args(), s.args...))
	s.ended, s.err, s.results = time.Now(), from.Step.Err, printed.Bytes()
	for _, a := range from.Step.Accounts {
		n.WatchAccount(a)
	}
	switch {
	case s.command == "backup":
		n.judge(from.Step)
	case (s.command == "forget" || s.command == "copy") && s.status != cli.StatusDone && s.status != cli.StatusPartial && s.status != cli.StatusShrunk:
		n.unsafe[s.location] = true // after a copy that failed, a night may be nowhere else
	}
}

// judge finds the repositories of which nothing is deleted, because the backup of an account failed, raised an alarm, or
// never began.
func (n *night) judge(backup *cli.Step) {
	good := make(map[string]bool)
	for _, a := range backup.Accounts {
		good[a.Name] = a.Status == cli.StatusDone || a.Status == cli.StatusPartial
	}
	for i := range n.configured.Accounts {
		a := &n.configured.Accounts[i]
		if into, err := n.Location(a.Repository); err == nil && !good[ui.Safe(nameOf(a))] {
			n.unsafe[into.String()] = true
		}
	}
}

// nameOf returns the name of an account, as manifests have it.
func nameOf(configured *config.Account) string {
	if a, err := access.AccountOf(configured); err == nil {
		return a.Name
	}
	return configured.Name
}
