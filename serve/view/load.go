package view

import (
	"context"
	"fmt"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// pagesAhead is how many pages are parsed at once.
const pagesAhead = 32

// load reads the messages of a mailbox.
func (a *Archive) load(ctx context.Context, contents *archive.Contents, m *manifest.Mailbox) (*List, error) {
	b := a.build(&List{
		Numbers: Numbers{UIDValidity: validityOf(m), UIDNext: nextUID(m)}, contents: contents,
		rows: make([]row, 0, m.Messages), raw: make(map[int]string),
	})
	type read struct {
		page    manifest.Page
		entries []manifest.Entry
	}
	parse := func(ctx context.Context, page manifest.Page) (read, error) {
		entries, err := contents.Page(ctx, m, page)
		if archive.UnlessDamage(err) == nil {
			return read{page, entries}, err
		}
		return read{}, err
	}
	for r, err := range inorder.Map(ctx, pagesAhead, contents.Ahead(ctx, contents.Pages(ctx, m)), parse) {
		if err != nil {
			if archive.UnlessDamage(err) != nil || ctx.Err() != nil {
				return nil, err
			}
			b.list.Damage = append(b.list.Damage, err)
		}
		for i := range r.entries {
			b.add(r.page, itemOf(&r.entries[i]), 0)
		}
	}
	return b.done(), nil
}

// builder makes a List.
type builder struct {
	list  *List
	known map[string]uint32  // numbers of flag sets, by the flags and labels
	at    map[pageKey]uint32 // numbers of pages
	last  mail.UID
}

// pageKey is a page of the list: its records, and the offset of its UIDs.
type pageKey struct {
	records chunk.ID
	offset  uint32
}

// item is what a list has of a message.
type item struct {
	uid   mail.UID // in the archive
	size  int64
	date  mail.Date
	flags manifest.FlagSet
}

func itemOf(e *manifest.Entry) item { return item{e.UID, e.Size, e.Internal, e.FlagSet} }

// build begins a List that has no messages yet.
func (a *Archive) build(l *List) *builder {
	l.archive = a
	return &builder{list: l, known: make(map[string]uint32), at: make(map[pageKey]uint32)}
}

// add adds a message of a page, with an offset to the UID that the archive has. UIDs must ascend.
func (b *builder) add(page manifest.Page, m item, offset uint32) {
	l := b.list
	key := pageKey{page.Records, offset}
	number, known := b.at[key]
	if !known {
		number = uint32(len(l.pages))
		b.at[key] = number
		l.pages, l.offsets = append(l.pages, page), append(l.offsets, offset)
	}
	uid := m.uid + mail.UID(offset)
	if uid <= b.last {
		l.Damage = append(l.Damage, fmt.Errorf("UID %d after %d: %w", uid, b.last, manifest.ErrMalformed))
		return
	}
	b.last = uid
	date := m.date.Resolved()
	if date.Raw != "" {
		l.raw[len(l.rows)] = date.Raw
	}
	l.rows = append(l.rows, row{
		seconds: date.Seconds, zone: date.Zone, uid: uid, size: uint32(m.size), set: b.set(m.flags), page: number,
	})
	l.Bytes += m.size
}

// set returns the number of a flag set.
func (b *builder) set(set manifest.FlagSet) uint32 {
	key := strings.Join(set.Flags, "\x00") + "\x00\x00" + strings.Join(set.Labels, "\x00")
	n, ok := b.known[key]
	if !ok {
		n = uint32(len(b.list.sets))
		b.known[key], b.list.sets = n, append(b.list.sets, set)
	}
	return n
}

func (b *builder) done() *List {
	b.list.Messages = int64(len(b.list.rows))
	if uint64(b.last) >= uint64(b.list.UIDNext) {
		b.list.UIDNext = uint32(min(uint64(b.last)+1, 1<<32-1))
	}
	return b.list
}

// listKey names what a mailbox has. Mailboxes with the same key have the same List.
func listKey(m *manifest.Mailbox) string {
	var b strings.Builder
	fmt.Fprint(&b, m.UIDValidity(), " ", nextUID(m), " ", m.Name)
	for i := range m.Pages {
		b.Write(m.Pages[i].Records[:])
		b.Write(m.Pages[i].Flags[:])
	}
	for _, ids := range [][]chunk.ID{m.Lists, m.Groups} {
		for i := range ids {
			b.Write(ids[i][:])
		}
	}
	return b.String()
}
