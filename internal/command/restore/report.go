package restore

import (
	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/restore"
)

// print prints the report. finished is false if the restore ended with an error.
func (c *Command) print(p *cli.Program, contents *archive.Contents, report *restore.Report, finished bool) error {
	if report == nil {
		return nil
	}
	if p.JSON {
		if err := p.PrintJSON(c.document(contents, report)); err != nil {
			return err
		}
	} else {
		c.describe(p, contents, report, finished)
	}
	if finished && report.Mirror != nil && report.Mirror.Left > 0 {
		return cli.Partial("some messages could not be removed")
	}
	if !finished || report.Whole() {
		return nil
	}
	return cli.Partial("some messages were not restored exactly as archived")
}

func (c *Command) describe(p *cli.Program, contents *archive.Contents, report *restore.Report, finished bool) {
	for _, note := range report.Notes {
		p.Warn("%s", ui.OneLine(note))
	}
	for _, problem := range report.Problems[:min(len(report.Problems), ui.MaxRemarks)] {
		p.Warn("%s", ui.ShortenHashes(ui.OneLine(problem.String())))
	}
	if len(report.Problems) > ui.MaxRemarks {
		p.Warn("%s more; see %s", ui.Count(len(report.Problems)-ui.MaxRemarks), report.File)
	}
	c.describePrune(p, report.Mirror)
	if c.DryRun {
		p.Printf("would restore %s in %s, %s, of %s", ui.Plural(report.Messages, "message"),
			ui.Plural(report.Mailboxes, "mailbox"), ui.Size(report.Bytes), c.origin(contents))
		if report.Previewed {
			p.Printf("  %s would be added, %s there already", ui.Count(report.Added), ui.Count(report.Present))
		}
		c.describeProperties(p, report, "would be added")
		return
	}
	verb := "restored"
	switch {
	case !finished && report.Added+report.Present == 0:
		return // nothing was restored
	case !finished:
		verb = "restored so far:"
	}
	p.Printf("%s %s in %s, %s, of %s", verb, ui.Plural(report.Added, "message"),
		ui.Plural(report.DoneMailboxes, "mailbox"), ui.Size(report.AddedBytes), c.origin(contents))
	for _, line := range []struct {
		n    int64
		what string
	}{
		{report.Present, "there already"},
		{report.Changed, "added, but flags, keywords, date or line ends are not as archived"},
		{report.FlagsLost, "of them without a flag such as \\Seen"},
		{report.Altered, "added, but altered by the target"},
		{report.Refused, "refused by the target"},
		{report.Failed, "could not be read from the archive"},
	} {
		if line.n > 0 {
			p.Printf("  %s %s", ui.Count(line.n), line.what)
		}
	}
	if report.Undeleted > 0 {
		p.Printf("  %s without the flag \\Deleted, which --with-deleted restores", ui.Count(report.Undeleted))
	}
	if report.Lost > 0 {
		p.Printf("  %s deleted, renamed or replaced by others meanwhile", ui.Plural(report.Lost, "mailbox"))
	}
	c.describeProperties(p, report, "added")
	if report.File != "" {
		p.Printf("  report: %s", ui.Safe(report.File))
	}
}

// origin says what was restored from.
func (c *Command) origin(contents *archive.Contents) string {
	if c.DeletedSince != "" {
		return "what was deleted since " + ui.Quote(c.DeletedSince)
	}
	if c.All {
		return "all manifests"
	}
	return "manifest " + summary.ShortID(contents.Head)
}

func (c *Command) describeProperties(p *cli.Program, report *restore.Report, done string) {
	if c.ACL {
		p.Printf("  %s %s", ui.Plural(report.Grants, "access right"), done)
	}
	if c.Metadata {
		p.Printf("  %s %s", ui.Plural(report.Annotations, "annotation"), done)
	}
}

// restoreSummary is a restore as JSON.
type restoreSummary struct {
	Manifest   string               `json:"manifest"`
	Target     string               `json:"target"`
	DryRun     bool                 `json:"dry_run"`
	Looked     bool                 `json:"looked_at_target"` // dry run: added counts what would be added
	Mailboxes  int64                `json:"mailboxes"`
	Messages   int64                `json:"messages"`
	Bytes      int64                `json:"bytes"`
	Added      int64                `json:"added"`
	AddedBytes int64                `json:"added_bytes"`
	Present    int64                `json:"present"`
	Changed    int64                `json:"changed"`
	Undeleted  int64                `json:"undeleted"`
	FlagsLost  int64                `json:"flags_lost"` // of changed: without a system flag such as \Seen
	Altered    int64                `json:"altered"`
	Refused    int64                `json:"refused"`
	Failed     int64                `json:"failed"`
	Lost       int64                `json:"lost"` // mailboxes
	Grants     int64                `json:"acl_added"`
	Annotated  int64                `json:"annotations_added"`
	Notes      []string             `json:"notes"`
	Problems   []restoreProblem     `json:"problems"`
	Report     string               `json:"report,omitempty"`
	Prune      *restorePruneSummary `json:"prune,omitempty"`
}

type restoreProblem struct {
	Kind    string `json:"kind"` // changed, altered, refused, failed or lost
	Mailbox string `json:"mailbox,omitempty"`
	UID     uint32 `json:"uid,omitempty"`
	Reason  string `json:"reason"`
	Kept    string `json:"kept,omitempty"`
}

func (c *Command) document(contents *archive.Contents, r *restore.Report) restoreSummary {
	s := restoreSummary{
		Manifest: summary.ID(contents.Head), Target: c.To, DryRun: c.DryRun, Looked: r.Previewed,
		Mailboxes: r.Mailboxes, Messages: r.Messages, Bytes: r.Bytes, Added: r.Added, AddedBytes: r.AddedBytes,
		Present: r.Present, Changed: r.Changed, FlagsLost: r.FlagsLost, Undeleted: r.Undeleted, Altered: r.Altered, Refused: r.Refused, Failed: r.Failed,
		Lost:   r.Lost,
		Grants: r.Grants, Annotated: r.Annotations,
		Notes: summary.List(r.Notes), Problems: []restoreProblem{}, Report: r.File, Prune: summarizeRestorePrune(r.Mirror),
	}
	for _, problem := range r.Problems {
		s.Problems = append(s.Problems, restoreProblem{
			problem.Kind.String(), problem.Mailbox, uint32(problem.UID), problem.Reason, problem.Kept,
		})
	}
	return s
}
