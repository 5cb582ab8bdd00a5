package night

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
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
	case s.deletes && n.unsafe[s.location()] != "":
		s.skip = n.unsafe[s.location()]
		return
	case s.deletes:
		if s.skip = n.damage(s.at); s.skip != "" {
			s.status = cli.StatusPartial // the check that found it may have been on another night
			return
		}
	}
	n.LimitMemory(cli.UsualMemoryLimit) // another step may have raised it
	from := n.Process
	from.Step = n.NewStep()
	var printed bytes.Buffer
	if n.JSON || n.Globals.Quiet {
		from.Stdout = &printed
	} else {
		n.Printf("$ %s", commandLine(s.args))
		_ = n.Flush()
	}
	s.began = time.Now()
	s.status = n.again(ctx, from, append(n.Globals.Args(), s.args...))
	s.ended, s.err = time.Now(), from.Step.Err
	switch {
	case n.JSON:
		s.results = printed.Bytes()
	case s.status != cli.StatusDone && printed.Len() > 0: // with --quiet: a check prints what is damaged
		n.Printf("$ %s\n%s", commandLine(s.args), bytes.TrimRight(printed.Bytes(), "\n"))
		_ = n.Flush()
	}
	for _, a := range from.Step.Accounts {
		n.WatchAccount(a)
	}
	switch failed := s.status != cli.StatusDone && s.status != cli.StatusPartial && s.status != cli.StatusShrunk; {
	case s.command == "backup":
		n.judge(from.Step)
	case from.Step.Damaged: // also if that could not be kept for n.damage
		n.unsafe[s.location()] = cmp.Or(n.damage(s.at), "check found damage, so nothing is deleted")
	case failed: // after a copy that failed, a night may be nowhere else
		n.unsafe[s.location()] = suspicious
	}
}

// suspicious is why nothing is deleted after a step that failed.
const suspicious = "something failed or was suspicious before it, so nothing is deleted"

// damage returns why nothing of a repository is deleted: a check of this host found damage, in this
// run or before. What is left of good copies stays until it is repaired. If nothing is known, it
// returns "".
func (n *night) damage(l *access.Location) string {
	record, err := n.Checked(l)
	switch {
	case err != nil:
		return ui.OneLine(err.Error())
	case record.Damage == nil:
		return ""
	}
	return fmt.Sprintf("a check of %s found damage, so nothing is deleted until a check that reads as much finds none", ui.Time(record.Damage.Since))
}

// foresee finds the steps that would not run because of damage.
func (n *night) foresee() {
	for _, s := range n.steps {
		if s.deletes && s.skip == "" {
			s.skip = n.damage(s.at)
		}
	}
}

// location returns the location of the repository of a step, or "".
func (s *step) location() string {
	if s.at == nil {
		return ""
	}
	return s.at.String()
}

// judge finds the repositories of which nothing is deleted, because the backup of an account
// failed, raised an alarm, or never began.
func (n *night) judge(backup *cli.Step) {
	good := make(map[string]bool)
	for _, a := range backup.Accounts {
		good[a.Name] = a.Status == cli.StatusDone || a.Status == cli.StatusPartial
	}
	for i := range n.configured.Accounts {
		a := &n.configured.Accounts[i]
		if into, err := n.Location(a.Repository); err == nil && !good[ui.Safe(nameOf(a))] {
			n.unsafe[into.String()] = suspicious
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
