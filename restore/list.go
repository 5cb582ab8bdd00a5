package restore

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// messageList is the list of the messages of a mailbox that is being restored. It takes 64 bytes a
// message, so a mailbox of a million messages fits into memory. The rest of a record is read again
// from its page when it is needed.
type messageList struct {
	restorer  *restorer
	mailbox   *manifest.Mailbox
	pages     []manifest.Page    // those that can be read
	rows      []messageRow       // ascending by UID
	sets      []manifest.FlagSet // each distinct one once
	raw       map[mail.UID]string
	loaded    [][]manifest.Entry // the entries of all pages, if the mailbox fits into one window; nil: they are read again
	cached    pageCache
	readErr   error // an error while comparing that is not damage, such as a store that cannot be reached
	undeleted int64 // messages that lose the flag \Deleted
}

type messageRow struct {
	hash    chunk.ID
	size    int64
	seconds int64 // of INTERNALDATE
	uid     mail.UID
	set     uint32 // index into messageList.sets
	at      uint32 // index into messageList.pages, times MaxPageRecords, plus the index into the page
	zone    int16
	state   rowState
	spare   bool // not to be restored, but a copy of a message that is
}

// page returns where the record of the row is: an index into messageList.pages, and one into the
// page.
func (row *messageRow) page() (page, at int) {
	return int(row.at / manifest.MaxPageRecords), int(row.at % manifest.MaxPageRecords)
}

type rowState uint8

const (
	rowUnknown rowState = iota
	rowMissing          // not in the target
	rowDone             // in the target, or reported
)

// pageCache is the page that was read last.
type pageCache struct {
	page    int
	entries []manifest.Entry
}

// maxGuess bounds the memory that is allocated for a number of messages before they are read.
const maxGuess = 1 << 20

// listMessages reads the pages of a mailbox. It records pages that cannot be read as failures. If
// only the flags of a page cannot be read, the messages are restored without flags.
func (r *restorer) listMessages(ctx context.Context, rt *route) (*messageList, error) {
	mailbox := rt.from
	l := &messageList{restorer: r, mailbox: mailbox, raw: make(map[mail.UID]string)}
	picked, pages := r.picked[mailbox], r.Contents.Pages(ctx, mailbox)
	switch {
	case rt.uids != nil:
		pages = archive.PagesAt(pages, *rt.uids)
	case picked != nil && picked.copies == nil:
		pages = archive.PagesAt(pages, picked.uids)
	}
	l.rows = make([]messageRow, 0, min(rt.messages, maxGuess))
	keeps := rt.uids == nil && picked == nil && mailbox.Messages <= windowItems // the limit of a job
	known := make(map[string]uint32)
	for page, err := range r.Contents.Ahead(ctx, pages) {
		var entries []manifest.Entry
		if err == nil {
			entries, err = r.Contents.Page(ctx, mailbox, page)
		}
		if err != nil && !rt.reported(err) {
			if err := r.reportDamage(ctx, Problem{Mailbox: mailbox.Name}, err); err != nil {
				return nil, err
			}
		}
		if len(entries) == 0 {
			if picked == nil && rt.uids == nil {
				r.reporter.skipped(int64(page.Messages), 0)
			}
			continue
		}
		l.pages = append(l.pages, page)
		if keeps {
			l.loaded = append(l.loaded, entries)
		}
		for at := range entries {
			if rt.uids != nil && !rt.uids.Contains(entries[at].UID) {
				continue
			}
			if wanted, spare := picked.wants(&entries[at]); wanted || spare {
				l.add(&entries[at], at, r.flagSet(mailbox, &entries[at]), known)
				l.rows[len(l.rows)-1].spare = spare
				if wanted && !r.KeepDeleted && entries[at].Flags.Has(`\Deleted`) {
					l.undeleted++
				}
			}
		}
	}
	return l, nil
}

// flagSet returns the flags and labels that a message gets in the target.
func (r *restorer) flagSet(mailbox *manifest.Mailbox, entry *manifest.Entry) manifest.FlagSet {
	set := manifest.FlagSet{Flags: entry.Flags}
	if !r.KeepDeleted && set.Flags.Has(`\Deleted`) {
		set.Flags = set.Flags.Without(`\Deleted`)
	}
	switch {
	case r.keepsLabels && mailbox.Has(`\All`):
		set.Labels = entry.Labels
	case r.keepsLabels: // messages in Trash or Spam are shown under no label
	case r.Labels == LabelsAsKeywords && len(entry.Labels) > 0:
		flags := slices.Clone(set.Flags)
		for _, label := range entry.Labels {
			flags = append(flags, mail.LabelKeyword(label))
		}
		set.Flags = mail.NewFlags(flags...)
	}
	return set
}

func (l *messageList) add(entry *manifest.Entry, at int, flags manifest.FlagSet, known map[string]uint32) {
	key := strings.Join(flags.Flags, "\x00") + "\x00\x00" + strings.Join(flags.Labels, "\x00")
	set, ok := known[key]
	if !ok {
		set = uint32(len(l.sets))
		known[key], l.sets = set, append(l.sets, flags)
	}
	date := entry.Internal.Resolved()
	if entry.Internal.Raw != "" {
		l.raw[entry.UID] = entry.Internal.Raw
	}
	l.rows = append(l.rows, messageRow{
		hash:    entry.Hash,
		size:    entry.Size,
		seconds: date.Seconds,
		zone:    date.Zone,
		uid:     entry.UID,
		set:     set,
		at:      uint32((len(l.pages)-1)*manifest.MaxPageRecords + at),
	})
}

// wanted returns the messages of some rows for a Folder.
func (l *messageList) wanted(piece []uint32) []Message {
	wanted := make([]Message, len(piece))
	for i, at := range piece {
		wanted[i] = l.message(&rowBody{list: l, row: &l.rows[at]})
	}
	return wanted
}

// message returns the message of a row for a Folder.
func (l *messageList) message(body *rowBody) Message {
	row := body.row
	return Message{
		UID:      row.uid,
		Hash:     row.hash,
		Size:     row.size,
		Flags:    l.sets[row.set].Flags,
		Labels:   l.sets[row.set].Labels,
		Internal: mail.Date{Seconds: row.seconds, Zone: row.zone, Raw: l.raw[row.uid]},
		Header:   body.header,
		Body:     body,
	}
}

// record returns the record of a message. It caches the last page, because most calls are in order.
func (l *messageList) record(ctx context.Context, row *messageRow) (*manifest.Record, error) {
	page, at := row.page()
	if page < len(l.loaded) {
		return &l.loaded[page][at].Record, nil
	}
	if l.cached.entries == nil || l.cached.page != page {
		entries, err := l.restorer.Contents.Page(ctx, l.mailbox, l.pages[page])
		if err != nil && !errors.Is(err, archive.ErrFlags) {
			return nil, &archive.ReadError{Err: err}
		}
		l.cached = pageCache{page: page, entries: entries}
	}
	return &l.cached.entries[at].Record, nil
}

// rowBody is the Body of a row, for the goroutine that compares. A damaged message equals none in
// the target, so it counts as missing, and the damage is reported when it is to be added. Any other
// read error ends the comparison.
type rowBody struct {
	list *messageList
	row  *messageRow
}

func (b *rowBody) WriteTo(ctx context.Context, w io.Writer) error {
	record, err := b.list.record(ctx, b.row)
	if err == nil {
		err = b.list.restorer.Contents.Body(record).WriteTo(ctx, w)
	}
	if read := (*archive.ReadError)(nil); errors.As(err, &read) && !archive.IsDamage(err) {
		b.list.readErr = err
	}
	return err
}

func (b *rowBody) Verify(ctx context.Context) error { return b.WriteTo(ctx, io.Discard) }

func (b *rowBody) header(ctx context.Context) ([]byte, error) {
	record, err := b.list.record(ctx, b.row)
	if err != nil {
		return nil, archive.UnlessDamage(err)
	}
	header, err := b.list.restorer.Contents.Header(ctx, record)
	return header, archive.UnlessDamage(err)
}

// missing returns the number of messages that the target lacks.
func (l *messageList) missing() int {
	n := 0
	for i := range l.rows {
		if l.rows[i].state == rowMissing {
			n++
		}
	}
	return n
}
