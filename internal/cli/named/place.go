package named

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/job"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Place is MAILBOX and UID after MANIFEST. They stand for --mailbox and --message.
type Place struct {
	Box  string `arg:"" optional:"" name:"mailbox" help:"Only this mailbox, as --mailbox."`
	UIDs string `arg:"" optional:"" name:"uid" help:"Only this message of it, as --message."`
}

// Take makes flags of MAILBOX and UID. A name in several words without quotes must not name another
// mailbox.
func (p *Place) Take(s *job.Selection, messages *[]string, command string) error {
	if p.Box == "" {
		return nil
	}
	unexpected := p.Box
	if p.UIDs != "" {
		if _, err := mail.ParseUIDSet(p.UIDs); err == nil && len(s.Mailbox)+len(*messages) == 0 {
			s.Mailbox, *messages = []job.Pattern{job.Pattern(p.Box)}, []string{p.UIDs}
			return nil
		}
		unexpected = p.UIDs
	} else if len(s.Mailbox) == 0 {
		s.Mailbox = []job.Pattern{job.Pattern(p.Box)}
		return nil
	}
	return &hint.Usage{
		Text: "unexpected argument " + ui.Safe(unexpected),
		Hint: "put a name with spaces in quotes; see mailstrata " + command + " --help",
	}
}

// Messages returns the UIDs of --message, and their mailbox.
func Messages(
	ctx context.Context, r *repo.Repo, contents *archive.Contents, texts []string, s job.Selection,
) (*manifest.Mailbox, mail.UIDSet, error) {
	var all mail.UIDSet
	if len(s.Mailbox) != 1 || len(s.Exclude) > 0 {
		return nil, all, hint.Usagef("--message needs exactly one --mailbox")
	}
	for _, text := range texts {
		uids, err := mail.ParseUIDSet(text)
		if err != nil || uids.Len() == 0 {
			return nil, all, hint.Usagef("--message: %s is not a UID or a list of UIDs, such as 12 or 12,15:20",
				ui.Quote(text))
		}
		for uids := range uids.Ranges() {
			all.AddRange(uids)
		}
	}
	mailbox, err := Mailbox(ctx, r, contents, string(s.Mailbox[0]))
	if err != nil {
		return nil, all, err
	}
	for uids := range all.Ranges() {
		if uids.Len() > 1 {
			continue // a range may have gaps
		}
		if _, err := contents.Entry(ctx, mailbox, uids.First); err != nil {
			return nil, all, fmt.Errorf("--message: %w", err)
		}
	}
	return mailbox, all, nil
}
