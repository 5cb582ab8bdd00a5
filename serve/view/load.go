package view

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"weak"

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
	b := a.newBuilder(contents, Numbers{UIDValidity: validityOf(m), UIDNext: nextUID(m)})
	b.list.rows = make([]row, 0, m.Messages)
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

func (a *Archive) newBuilder(contents *archive.Contents, numbers Numbers) *builder {
	return a.build(&List{Numbers: numbers, contents: contents, raw: make(map[int]string)})
}

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

// listCache has the lists that sessions use, and some that they used last.
type listCache struct {
	mu     sync.Mutex
	all    map[string]*cachedList
	recent []*List // the newest last
}

// cachedList is a list that may be gone.
type cachedList struct {
	loading sync.Mutex // held while it is loaded, so that sessions that need it at once load it once
	list    weak.Pointer[List]
}

// recentMessages is how many messages the lists have that stay in memory though no session uses
// them: some 16 MiB.
const recentMessages = 1 << 19

// get returns a list, and calls load if it is not in memory.
func (c *listCache) get(key string, load func() (*List, error)) (*List, error) {
	c.mu.Lock()
	if c.all == nil {
		c.all = make(map[string]*cachedList)
	}
	entry := c.all[key]
	if entry == nil {
		entry = new(cachedList)
		c.all[key] = entry
	}
	c.mu.Unlock()
	entry.loading.Lock()
	defer entry.loading.Unlock()
	list := entry.list.Value()
	if list == nil {
		var err error
		if list, err = load(); err != nil {
			return nil, err
		}
		entry.list = weak.Make(list)
	}
	c.keep(list)
	return list, nil
}

// keep keeps a list in memory, and forgets keys of lists that are gone.
func (c *listCache) keep(list *List) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var kept []*List
	room := recentMessages - list.Len()
	for i := len(c.recent) - 1; i >= 0 && room > 0; i-- {
		if c.recent[i] != list {
			kept = append(kept, c.recent[i])
			room -= c.recent[i].Len() + 1
		}
	}
	c.recent = c.recent[:0]
	for i := len(kept) - 1; i >= 0; i-- {
		c.recent = append(c.recent, kept[i])
	}
	c.recent = append(c.recent, list)
	c.sweep()
}

// sweep forgets keys of lists that are gone, once there are many keys.
func (c *listCache) sweep() {
	if len(c.all) < 4096 {
		return
	}
	for key, entry := range c.all {
		if entry.loading.TryLock() {
			if entry.list.Value() == nil {
				delete(c.all, key)
			}
			entry.loading.Unlock()
		}
	}
}
