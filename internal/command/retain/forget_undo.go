package retain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/archive/rewrite"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/named"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
)

// checkUndo returns an error for flags that exclude --undo.
func (c *Forget) checkUndo() error {
	policy := c.policy()
	switch {
	case !c.Undo && c.EvenIncomplete:
		return hint.Usagef("--even-incomplete needs --undo")
	case c.Undo && (!policy.IsZero() || len(c.Acknowledge) > 0 || c.Prune):
		return hint.Usagef("--undo cannot be combined with rules, --acknowledge or --prune")
	}
	return nil
}

// undo brings forgotten manifests back. Without names, it lists them.
func (c *Forget) undo(ctx context.Context, p *cli.Program) error {
	r, err := p.OpenAsOwner(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	forgotten, err := rewrite.ListForgotten(ctx, r)
	if err != nil {
		return err
	}
	if len(c.Names) == 0 {
		return listForgotten(p, forgotten)
	}
	named, err := c.named(ctx, r, forgotten)
	if err != nil {
		return err
	}
	if c.DryRun {
		return listForgotten(p, named)
	}
	left := 0
	var printed error
	progress := p.Progress("read")
	progress.Begin("reading what the manifests need")
	err = rewrite.Undo(ctx, r, named, c.EvenIncomplete, func(u rewrite.Undone) {
		if u.Err != nil {
			left++
		}
		progress.Done()
		printed = errors.Join(printed, printUndone(p, u))
	})
	progress.Done()
	if err = errors.Join(err, printed); err != nil {
		return err
	}
	if left > 0 {
		return fmt.Errorf("%d of %s could not be brought back", left, ui.Plural(len(named), "manifest"))
	}
	return nil
}

// named finds the forgotten manifests that the user names.
func (c *Forget) named(
	ctx context.Context, r *repo.Repo, forgotten []rewrite.Forgotten,
) (chosen []rewrite.Forgotten, err error) {
	for _, name := range c.Names {
		ref, err := named.ParseRef(name)
		if err != nil {
			return nil, &hint.Usage{Text: err.Error()}
		}
		var candidates []history.Candidate
		for _, f := range forgotten {
			candidate := history.Candidate{Account: f.Head.Account, Hash: f.Head.ID, Time: f.Head.Time}
			if f.Manifest != nil {
				candidate.Account = f.Manifest.Account
			}
			candidates = append(candidates, candidate)
		}
		i, err := ref.Pick(candidates)
		if err != nil {
			return nil, notForgotten(ctx, r, name, ref, err)
		}
		if !slices.ContainsFunc(chosen, func(f rewrite.Forgotten) bool { return f.Head.Name == forgotten[i].Head.Name }) {
			chosen = append(chosen, forgotten[i])
		}
	}
	return chosen, nil
}

// notForgotten returns an error for a name that no forgotten manifest has.
func notForgotten(ctx context.Context, r *repo.Repo, name string, ref history.Ref, err error) error {
	advice := "mailstrata forget --undo lists the forgotten manifests"
	marks, failed := r.Marks(ctx)
	for marked := range marks {
		head, _ := repo.ParseManifest(marked)
		_, missed := ref.Pick([]history.Candidate{{Hash: head.ID}})
		if failed == nil && named.IsID(name) && missed == nil {
			text := fmt.Sprintf("manifest %s was forgotten, and prune has deleted it", summary.ShortID(head))
			return &hint.Error{Text: text, Hint: "a copy in another repository may have it (mailstrata copy)", Err: err}
		}
	}
	return &hint.Error{Text: "no forgotten manifest has this name: " + err.Error(), Hint: advice, Err: err}
}

// forgottenSummary is a forgotten manifest, and the result of --undo, as JSON.
type forgottenSummary struct {
	ID        string            `json:"id"`
	Account   string            `json:"account"`
	Time      time.Time         `json:"time"`
	Messages  int64             `json:"messages"`
	Forgotten time.Time         `json:"forgotten"` // when it was marked
	Until     time.Time         `json:"until"`     // prune deletes it after this time
	Undone    string            `json:"undone,omitempty"`
	Missing   []summary.Failure `json:"missing"`
	Error     string            `json:"error,omitempty"`
}

func summarizeForgotten(f *rewrite.Forgotten) forgottenSummary {
	s := forgottenSummary{
		ID: summary.ID(f.Head), Time: f.Head.Time.UTC(), Forgotten: f.Head.Since.UTC(), Until: f.Until().UTC(), Missing: []summary.Failure{},
	}
	if f.Manifest != nil {
		s.Account, s.Messages = f.Manifest.Account, f.Manifest.Totals.Messages
	}
	if f.Err != nil {
		s.Error = f.Err.Error()
	}
	return s
}

// listForgotten prints forgotten manifests, and until when they can be brought back.
func listForgotten(p *cli.Program, forgotten []rewrite.Forgotten) error {
	if len(forgotten) == 0 && !p.JSON {
		p.Note("there are no forgotten manifests")
		return nil
	}
	rows := make([]forgottenSummary, len(forgotten))
	for i := range forgotten {
		rows[i] = summarizeForgotten(&forgotten[i])
	}
	headings := []string{"ID", "ACCOUNT", "TIME", "MESSAGES", "FORGOTTEN", "KEPT UNTIL", ""}
	err := cli.PrintRows(p, rows, headings, func(s forgottenSummary) []string {
		return []string{
			s.ID[:8], s.Account, ui.Time(s.Time), ui.Right(ui.Count(s.Messages), "MESSAGES"),
			ui.Time(s.Forgotten), ui.Time(s.Until), s.Error,
		}
	})
	if !p.JSON {
		p.Note("mailstrata forget --undo ID brings one back. The first prune after the time under KEPT UNTIL deletes it")
	}
	return err
}

// printUndone prints whether a manifest was brought back.
func printUndone(p *cli.Program, u rewrite.Undone) error {
	s := summarizeForgotten(&u.Old)
	if u.New.Name != "" {
		s.Undone = summary.ID(u.New)
	}
	s.Missing = summary.OfFailures(u.Missing)
	if u.Err != nil {
		s.Error = u.Err.Error()
	}
	for _, m := range u.Missing[:min(len(u.Missing), ui.MaxRemarks)] {
		p.Warn("%s: missing: %s", s.ID[:8], ui.Safe(summary.DescribeFailure(m)))
	}
	if more := len(u.Missing) - ui.MaxRemarks; more > 0 {
		p.Warn("%s: and %s more", s.ID[:8], ui.Count(int64(more)))
	}
	switch {
	case errors.Is(u.Err, rewrite.ErrMissing):
		p.Alarm("%s was not brought back: %s is missing", s.ID[:8], ui.Plural(len(u.Missing), "piece"))
		p.Say("hint: --even-incomplete brings back what is left")
	case u.Err != nil:
		p.Alarm("%s was not brought back: %s", s.ID[:8], ui.OneLine(u.Err.Error()))
	}
	switch {
	case p.JSON:
		return p.PrintJSON(s)
	case u.Err != nil:
	case u.Existing:
		p.Printf("%s of %s, %s, is already back, as %s", s.ID[:8], ui.Safe(s.Account), ui.Time(s.Time), s.Undone[:8])
	default:
		p.Printf("%s of %s, %s, is back, as %s", s.ID[:8], ui.Safe(s.Account), ui.Time(s.Time), s.Undone[:8])
	}
	return nil
}
