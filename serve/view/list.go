package view

import (
	"context"
	"iter"
	"slices"
	"sync/atomic"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// List is the messages of a mailbox, ascending by UID. A message is named by its index, from 0.
type List struct {
	Numbers
	Damage []error // of messages that are missing, or have no flags, because they cannot be read

	contents *archive.Contents
	archive  *Archive
	rows     []row
	pages    []manifest.Page
	offsets  []uint32           // of each page: added to the UIDs in the archive
	sets     []manifest.FlagSet // each once
	raw      map[int]string     // dates that the server wrote in another way
}

// row is a message, in 32 bytes.
type row struct {
	seconds int64
	uid     mail.UID
	size    uint32 // mail.MaxMessage fits
	set     uint32 // of sets
	page    uint32 // of pages
	zone    int16
}

// Len returns the number of messages.
func (l *List) Len() int { return len(l.rows) }

// UID returns the UID of a message.
func (l *List) UID(i int) mail.UID { return l.rows[i].uid }

// Size returns the size of a message in bytes, as the archive has it.
func (l *List) Size(i int) int64 { return int64(l.rows[i].size) }

// Set returns the number of the flag set of a message. Messages with equal flags have the same.
func (l *List) Set(i int) int { return int(l.rows[i].set) }

// Sets returns the number of flag sets.
func (l *List) Sets() int { return len(l.sets) }

// Flags returns a flag set by its number.
func (l *List) Flags(set int) mail.Flags { return l.sets[set].Flags }

// Labels returns the labels of Gmail of a flag set, raw.
func (l *List) Labels(set int) []string { return l.sets[set].Labels }

// Date returns the INTERNALDATE of a message.
func (l *List) Date(i int) mail.Date {
	r := &l.rows[i]
	return mail.Date{Seconds: r.seconds, Zone: r.zone, Raw: l.raw[i]}
}

// At returns the index of the first message whose UID is at least uid, which is Len if there is
// none.
func (l *List) At(uid mail.UID) int {
	i, _ := slices.BinarySearchFunc(l.rows, uid, func(r row, uid mail.UID) int { return int(int64(r.uid) - int64(uid)) })
	return i
}

// Contents reads the archive of the list.
func (l *List) Contents() *archive.Contents { return l.contents }

// Message is a message of a List with its record.
type Message struct {
	Index  int
	Record *manifest.Record
}

// Records yields the records of messages, whose indexes ascend. It reads many pages of records at
// once. After an error of damage it goes on with the next page; the Message of the error has an
// index and no record.
func (l *List) Records(ctx context.Context, indexes iter.Seq[int]) iter.Seq2[Message, error] {
	type group struct {
		page    *manifest.Page
		indexes []int
	}
	groups := func(yield func(group, error) bool) {
		var g group
		for i := range indexes {
			page := &l.pages[l.rows[i].page]
			if g.page != page {
				if g.page != nil && !yield(g, nil) {
					return
				}
				g = group{page: page}
			}
			g.indexes = append(g.indexes, i)
		}
		if g.page != nil {
			yield(g, nil)
		}
	}
	chunksOf := func(g group) []chunk.ID { return []chunk.ID{g.page.Records} }
	return func(yield func(Message, error) bool) {
		l.archive.walks.begin()
		defer l.archive.walks.end()
		for g := range archive.AheadWithin(ctx, l.contents.Chunks(), groups, chunksOf, l.archive.walks.share) {
			records, err := l.contents.Records(ctx, *g.page)
			if err != nil {
				if !yield(Message{Index: g.indexes[0]}, err) {
					return
				}
				continue
			}
			for _, i := range g.indexes {
				if !yield(Message{i, l.recordOf(records, i)}, nil) {
					return
				}
			}
		}
	}
}

// Extent says how much of messages is read.
type Extent int

const (
	Headers Extent = iota
	Texts          // all but base64 attachments
	Bodies         // all
)

// Ahead yields the messages of Records. Before, it fetches as much of many messages as will be
// read. Of large messages it fetches nothing.
func (l *List) Ahead(ctx context.Context, messages iter.Seq2[Message, error], extent Extent) iter.Seq2[Message, error] {
	chunksOf := func(m Message) (ids []chunk.ID) {
		switch r := m.Record; {
		case r == nil:
		case len(r.Parts) == 0 && !r.List.IsZero():
			ids = append(ids, r.List)
		default:
			for n, part := range r.Parts {
				if extent == Bodies || extent == Texts && part.Kind != mail.Base64Part ||
					n == 0 && part.Kind == mail.HeaderPart {
					ids = append(ids, part.Chunks...)
				}
			}
		}
		return ids
	}
	return func(yield func(Message, error) bool) {
		l.archive.walks.begin()
		defer l.archive.walks.end()
		archive.AheadWithin(ctx, l.contents.Chunks(), messages, chunksOf, l.archive.walks.share)(yield)
	}
}

// walks counts the walks through messages that are under way, in all sessions. They share the cache
// of one reader: if all read ahead as if they were alone, each would displace what the others are
// about to use.
type walks struct{ active atomic.Int64 }

// aheadBytes is how much of decoded frames all walks together read ahead, of the 48 MiB in the
// cache of an archive.Reader.
const aheadBytes = 24 << 20

func (w *walks) begin()       { w.active.Add(1) }
func (w *walks) end()         { w.active.Add(-1) }
func (w *walks) share() int64 { return aheadBytes / max(w.active.Load(), 2) }

// recordOf returns the record of a message in its page. The page had it when the list was loaded,
// and it is read by its hash.
func (l *List) recordOf(records []manifest.Record, i int) *manifest.Record {
	at := slices.IndexFunc(records, func(r manifest.Record) bool { return r.UID == l.archivedUID(i) })
	return &records[at]
}

// archivedUID returns the UID that the archive has for a message.
func (l *List) archivedUID(i int) mail.UID {
	return l.rows[i].uid - mail.UID(l.offsets[l.rows[i].page])
}
