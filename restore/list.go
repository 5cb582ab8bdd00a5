package restore

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// messageList is the list of the messages of a mailbox that is being restored. It takes 64 bytes a message, so a
// mailbox of a million messages fits into memory. The rest of a record is read again from its page when it is needed.
type messageList struct {
	restorer *restorer
	mailbox  *manifest.Mailbox
	pages    []manifest.Page    // those that can be read
	rows     []messageRow       // ascending by UID
	sets     []manifest.FlagSet // each distinct one once
	raw      map[mail.UID]string
	loaded   [][]manifest.Entry // the entries of all pages, if the mailbox fits into one window; nil: they are read again
	cached   pageCache
	readErr  error // an error while comparing that is not damage, such as a store that cannot be reached
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

// page returns where the record of the row is: an index into messageList.pages, and one into the page.
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

// listMessages reads the pages of a mailbox. It records pages that cannot be read as failures. If only the flags of a
// page cannot be read, the messages are restored without flags.
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

// pieceSize is the number of messages that a folder is asked about at once. Each Message takes about 250 bytes.
const pieceSize = 16 << 10

// compare asks the folder which messages it lacks. It asks in pieces, which are in the order of the hashes, so that all
// copies of a message are in one piece and can be counted. Only then does it ask for similar messages, again in pieces:
// a message of the folder that is similar to one of the first piece may be the exact copy of one of the last.
func (l *messageList) compare(ctx context.Context, folder ReadFolder) error {
	var lacks [][]int // of each piece
	err := l.inPieces(func(piece []uint32) error {
		missing, err := l.comparePiece(ctx, folder, piece)
		lacks = append(lacks, missing)
		return err
	})
	if err != nil {
		return err
	}
	return l.inPieces(func(piece []uint32) error {
		missing, err := l.missingSimilar(ctx, folder, piece, lacks[0])
		lacks = lacks[1:]
		if err != nil {
			return err
		}
		return l.mark(piece, missing)
	})
}

// missingSimilar returns the missing messages of which the folder has no similar message either.
func (l *messageList) missingSimilar(ctx context.Context, folder ReadFolder, piece []uint32, missing []int) ([]int, error) {
	finder, ok := folder.(SimilarFinder)
	if !ok || len(missing) == 0 {
		return missing, nil
	}
	rows := make([]uint32, len(missing))
	for i, at := range missing {
		if at < 0 || at >= len(piece) {
			return missing, nil // mark returns the error
		}
		rows[i] = piece[at]
	}
	wanted := l.wanted(rows)
	left, err := finder.MissingSimilar(ctx, wanted)
	if err == nil {
		err = l.readErr
	}
	if err != nil {
		return nil, err
	}
	still := make([]int, 0, len(left))
	for _, i := range left {
		still = append(still, missing[i])
	}
	return still, l.reportEarlier(ctx, folder, rows, wanted)
}

// inPieces calls visit with the indices of all rows, in pieces. All copies of a message are in the same piece.
func (l *messageList) inPieces(visit func(piece []uint32) error) error {
	order := make([]uint32, len(l.rows))
	for i := range order {
		order[i] = uint32(i)
	}
	if len(order) > pieceSize {
		slices.SortStableFunc(order, func(a, b uint32) int { return l.rows[a].hash.Compare(l.rows[b].hash) })
	}
	for len(order) > 0 {
		n := min(pieceSize, len(order))
		for n < len(order) && l.rows[order[n]].hash == l.rows[order[n-1]].hash {
			n++
		}
		if err := visit(order[:n]); err != nil {
			return err
		}
		order = order[n:]
	}
	return nil
}

// comparePiece returns which of some messages the folder lacks.
func (l *messageList) comparePiece(ctx context.Context, folder ReadFolder, piece []uint32) ([]int, error) {
	wanted := l.wanted(piece)
	missing, err := folder.Missing(ctx, wanted)
	if err == nil {
		err = l.readErr // a message that was not compared must not count as missing, or it would be added twice
	}
	if err != nil {
		return nil, err
	}
	return missing, l.reportEarlier(ctx, folder, piece, wanted)
}

// reportEarlier reports the results of an interrupted restore that no report has yet.
func (l *messageList) reportEarlier(ctx context.Context, folder ReadFolder, piece []uint32, wanted []Message) error {
	journaled, ok := folder.(Journaled)
	if !ok || l.restorer.DryRun {
		return nil
	}
	results, err := journaled.EarlierResults(ctx, wanted)
	if err == nil {
		err = l.readErr
	}
	for _, i := range slices.Sorted(maps.Keys(results)) {
		if err == nil {
			row := &l.rows[piece[i]]
			err = l.restorer.reporter.reportChanges(ctx, l.mailbox, row.uid, results[i], &rowBody{list: l, row: row})
			if archive.IsDamage(err) { // it cannot be kept, but it is in the target
				err = l.restorer.reportDamage(ctx, Problem{Mailbox: l.mailbox.Name, UID: row.uid}, err)
			}
		}
	}
	return err
}

// mark sets the states of some rows by the answer of the folder.
func (l *messageList) mark(piece []uint32, missing []int) error {
	for _, i := range missing {
		if i < 0 || i >= len(piece) {
			return errors.New("the target returned a message that it was not asked about")
		}
		l.rows[piece[i]].state = rowMissing
	}
	if picked := l.restorer.picked[l.mailbox]; picked != nil && picked.copies != nil {
		l.countCopies(piece)
	}
	var present, bytes int64
	for _, at := range piece {
		if row := &l.rows[at]; row.state == rowUnknown {
			row.state = rowDone
			present++
			bytes += row.size
		}
	}
	l.restorer.reporter.present(present, bytes)
	return nil
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

// rowBody is the Body of a row, for the goroutine that compares. A damaged message equals none in the target, so it
// counts as missing, and the damage is reported when it is to be added. Any other read error ends the comparison.
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
