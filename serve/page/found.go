package page

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/archive/readable"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/archive/textindex"
	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/mail/entity"
	"github.com/mailstrata/mailstrata/mail/extract"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/serve/page/message"
)

// rows reads messages that were found, and the places where words match.
func (f *finder) rows(ctx context.Context, found []*search.Hit) (rows []foundRow, err error) {
	o := readable.Options[*search.Hit]{
		Chunks: f.history.Archive().Reader(), Record: func(h *search.Hit) *manifest.Record { return &h.Entry.Record },
		Wants: func(e *entity.Entity) bool { return f.query.Words != nil && extract.Reads(e, nil) },
	}
	for m, err := range readable.Messages(ctx, o, inorder.Slice(found)) {
		if err != nil {
			return nil, err
		}
		row := f.row(m.Item)
		if m.Err != nil {
			row.Damage = sentence(fmt.Errorf("the message cannot be read: %w", m.Err))
			rows = append(rows, row)
			continue
		}
		row.fill(entity.Parse(m.Raw).Header.Of(m.Raw), false)
		row.Files = message.HasAttachments(m.Raw)
		if f.query.Words != nil {
			at := textindex.FindSnippet(ctx, f.query.Query, m.Raw, nil, func() []byte { return nil })
			row.Snippet = snippetParts(at)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// row returns a message without what its header says.
func (f *finder) row(hit *search.Hit) foundRow {
	row := foundRow{Mailbox: hit.Mailbox.Name}
	if hit.Last.Name != "" {
		row.First, row.Last = hit.First.Time, hit.Last.Time
	}
	row.UID, row.Size, row.Unseen = uint32(hit.Entry.UID), hit.Entry.Size, !hit.Entry.Flags.Has(`\Seen`)
	row.Date, row.RawDate = dateOf(hit.Entry.Internal)
	row.Address = to("message", accountParam, f.history.Account, nightParam, lastNight(hit).ID.String()[:16], mailboxParam, hit.Mailbox.Raw,
		uidParam, fmt.Sprint(hit.Entry.UID))
	return row
}

// snippetParts divides a snippet where the words that match begin and end.
func snippetParts(s *textindex.Snippet) (parts []snippetPart) {
	if s == nil {
		return nil
	}
	if s.In == words.Attachment {
		parts = append(parts, snippetPart{Text: "In an attachment: "})
	}
	at := 0
	for _, m := range s.Matches {
		if m.Start < at || m.End > len(s.Text) {
			continue
		}
		parts = append(parts, snippetPart{Text: s.Text[at:m.Start]}, snippetPart{s.Text[m.Start:m.End], true})
		at = m.End
	}
	return append(parts, snippetPart{Text: s.Text[at:]})
}
