package night

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"time"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/local"
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
	if n.JSON {
		from.Stdout = &printed
	} else {
		n.Printf("$ %s", commandLine(s.args))
		_ = n.Flush()
	}
	s.began = time.Now()
	s.status = n.again(ctx, from, append(n.Globals.Args(), s.args...))
	s.ended, s.err, s.results = time.Now(), from.Step.Err, printed.Bytes()
	for _, a := range from.Step.Accounts {
		n.WatchAccount(a)
	}
	switch done := s.status == cli.StatusDone || s.status == cli.StatusPartial; {
	case s.command == "backup":
		n.judge(from.Step)
	case s.command == "forget" && !done && s.status != cli.StatusShrunk:
		n.unsafe[s.location] = true
	case s.command == "prune" && done:
		n.recordPrune(s.location)
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

// pruned returns the file whose content says when a repository was last pruned by this host.
func (n *night) pruned(location string) (string, error) {
	state, err := n.StateDir()
	sum := sha256.Sum256([]byte(location))
	return filepath.Join(state, "pruned-"+hex.EncodeToString(sum[:8])), err
}

// lastPrune returns when this host last pruned a repository. If that is not known, it is zero, and prune is due: one
// prune too many does no harm.
func (n *night) lastPrune(l *access.Location) time.Time {
	file, err := n.pruned(l.String())
	if err != nil {
		return time.Time{}
	}
	text, _ := os.ReadFile(file)
	last, err := time.Parse(time.RFC3339, string(bytes.TrimSpace(text)))
	if err != nil || last.After(time.Now()) {
		return time.Time{}
	}
	return last
}

// recordPrune remembers when a prune began. If that fails, the next run prunes too.
func (n *night) recordPrune(location string) {
	file, err := n.pruned(location)
	if err == nil {
		err = local.Replace(file, []byte(time.Now().UTC().Format(time.RFC3339)+"\n"))
	}
	if err != nil {
		n.Warn("the time of the prune was not kept, so the next run prunes too: %s", ui.OneLine(err.Error()))
	}
}
