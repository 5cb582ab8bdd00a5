package backup

import (
	"cmp"
	"context"
	"iter"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// previous is the parent as a Source without UIDs needs it. It implements source.Previous.
type previous struct {
	account   *accountRun
	mailboxes map[string]*manifest.Mailbox // by raw name
}

var _ source.Previous = (*previous)(nil)

// continueSource gives the source what is archived, if it wants to know.
func (a *accountRun) continueSource(ctx context.Context) error {
	if a.Continue == nil {
		return nil
	}
	mailboxes, err := a.mailboxes(ctx, a.parent)
	if err != nil {
		return err
	}
	a.Continue(&previous{a, mailboxes})
	return nil
}

// Status implements source.Previous.
func (p *previous) Status(raw string) *mail.Status {
	if m := p.mailboxes[raw]; m != nil {
		return m.Status
	}
	return nil
}

// Mailboxes implements source.Previous.
func (p *previous) Mailboxes() []mail.Mailbox {
	list := make([]mail.Mailbox, 0, len(p.mailboxes))
	for _, m := range p.mailboxes {
		list = append(list, m.Mailbox)
	}
	return list
}

// Hasher implements source.Previous.
func (p *previous) Hasher() *chunk.Hasher { return p.account.repo.MessageHasher() }

// pagesTogether is how many pages are fetched together.
const pagesTogether = 1024

// Known implements source.Previous. Pages that are damaged are left out, with a warning: their
// messages are read again.
func (p *previous) Known(ctx context.Context, raw string) iter.Seq2[source.Known, error] {
	return func(yield func(source.Known, error) bool) {
		m := p.mailboxes[raw]
		if m == nil {
			return
		}
		load := p.account.catalog.load(ctx)
		pages, err := m.AllPages(load)
		for at := range pages {
			if at%pagesTogether == 0 {
				p.account.catalog.readPages(ctx, pages[at:min(len(pages), at+pagesTogether)])
			}
			var records []manifest.Record
			if records, err = pages[at].LoadRecords(load); err != nil {
				break
			}
			for i := range records {
				r := &records[i]
				if !yield(source.Known{UID: r.UID, ID: cmp.Or(r.IDs.XGUID, r.IDs.Email), Hash: r.Hash}, nil) {
					return
				}
			}
		}
		switch {
		case archive.IsDamage(err):
			p.account.recorder.warn("the record of mailbox %q is damaged, so some of its messages are read again "+
				"(mailstrata check shows more): %v", raw, err)
		case err != nil:
			yield(source.Known{}, err)
		}
	}
}
