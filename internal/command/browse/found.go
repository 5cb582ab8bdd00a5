package browse

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/internal/picker"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// queryOf returns a query for words that must all be in sender, recipients or subject.
func queryOf(words string) search.Query { return search.Query{Texts: strings.Fields(words)} }

// hit is a message that was found.
type hit struct {
	contents *archive.Contents
	mailbox  *manifest.Mailbox
	uid      mail.UID
}

// hits is what a search found so far. It grows in one goroutine, and is read in others.
type hits struct {
	mu  sync.Mutex
	all []hit
}

func (h *hits) add(found hit) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, found)
}

func (h *hits) len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.all)
}

func (h *hits) slice(from, n int) []hit {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all[from:min(from+n, len(h.all))]
}

// finder runs a search.
type finder func(context.Context) iter.Seq2[*search.Hit, error]

// findIn searches one manifest.
func findIn(c *archive.Contents, q search.Query) finder {
	return func(ctx context.Context) iter.Seq2[*search.Hit, error] {
		return search.Hits(search.Find(ctx, c, q, nil), c)
	}
}

// found returns the list of what a search finds, in the order in which it is found.
func (b *browser) found(words string, find finder) *picker.List {
	h := new(hits)
	return &picker.List{
		Title:   "search: " + words,
		Columns: messageColumns,
		Len:     h.len,
		Load:    func(ctx context.Context, from, n int) ([]picker.Row, error) { return hitRows(ctx, h.slice(from, n)) },
		Open: func(ctx context.Context, at int) (*picker.List, error) {
			hit := h.slice(at, 1)[0]
			entry, err := hit.contents.Entry(ctx, hit.mailbox, hit.uid)
			if err != nil {
				return nil, err
			}
			return open(ctx, hit.contents, hit.mailbox, entry)
		},
		Grow: func(ctx context.Context, grown func()) error {
			unread := 0
			for found, err := range find(ctx) {
				switch {
				case ctx.Err() != nil:
					return nil // somebody left the list
				case err != nil && !archive.IsDamage(err):
					return err
				case err != nil:
					unread++
					continue
				}
				h.add(hit{found.Contents, found.Mailbox, found.Entry.UID})
				grown()
			}
			if unread > 0 {
				return fmt.Errorf("%d messages or pages cannot be read, and were not searched", unread)
			}
			return nil
		},
	}
}

// hitRows returns the rows of what was found. Hits of one mailbox follow each other, and are read
// together.
func hitRows(ctx context.Context, found []hit) (rows []picker.Row, err error) {
	for from := 0; from < len(found); {
		to := from + 1
		for to < len(found) && found[to].contents == found[from].contents &&
			found[to].mailbox.Raw == found[from].mailbox.Raw {
			to++
		}
		some, err := sameMailbox(ctx, found[from:to])
		if err != nil {
			return nil, err
		}
		rows, from = append(rows, some...), to
	}
	return rows, nil
}

func sameMailbox(ctx context.Context, found []hit) ([]picker.Row, error) {
	c, m := found[0].contents, found[0].mailbox
	var uids mail.UIDSet
	for _, h := range found {
		uids.Add(h.uid)
	}
	byUID := make(map[mail.UID]manifest.Entry)
	for entry, err := range c.EntriesAt(ctx, m, uids) {
		switch {
		case err == nil:
			byUID[entry.UID] = *entry
		case ctx.Err() != nil || !archive.IsDamage(err) && !errors.Is(err, archive.ErrFlags):
			return nil, err
		}
	}
	entries := make([]manifest.Entry, len(found))
	for i, h := range found {
		entries[i] = byUID[h.uid]
	}
	return messageRows(ctx, c, m, entries)
}
