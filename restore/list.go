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

// messageList is the list of a mailbox's messages while the mailbox is restored, small enough that a mailbox of a million
// messages fits: 64 bytes a message. What else is recorded of a message is read again from its page when its turn comes.
type messageList struct {
	contents *archive.Contents
	mailbox  *manifest.Mailbox
	pages    []manifest.Page    // those that can be read
	rows     []messageRow       // ascending by UID
	sets     []manifest.FlagSet // each distinct one once
	raw      map[mail.UID]string
	loaded   [][]manifest.Entry // what the pages hold, if all is planned in one window: it is needed again soon
	cached   pageCache
	readErr  error // met while comparing, and no damage: the store cannot be reached
}

type messageRow struct {
	hash    chunk.ID
	size    int64
	seconds int64 // of INTERNALDATE
	uid     mail.UID
	set     uint32 // which of messageList.sets
	at      uint32 // which of messageList.pages, times MaxPageRecords, and which record of that page
	zone    int16
	state   rowState
	spare   bool // not to be restored, but a copy of one that is
}

// page is where the row's record is: which of messageList.pages, and which record of that page.
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

// maxGuess bounds what is believed of a mailbox's number of messages before they are seen.
const maxGuess = 1 << 20

// listMessages reads the pages of a mailbox. Pages that cannot be read are failures; where only the flags cannot be read,
// the messages are restored without.
func (r *restorer) listMessages(ctx context.Context, rt *route) (*messageList, error) {
	mailbox := rt.from
	l := &messageList{contents: r.Contents, mailbox: mailbox, raw: make(map[mail.UID]string)}
	picked, pages := r.picked[mailbox], r.Contents.Pages(ctx, mailbox)
	switch {
	case rt.uids != nil:
		pages = archive.PagesAt(pages, *rt.uids)
	case picked != nil && picked.copies == nil:
		pages = archive.PagesAt(pages, picked.uids)
	}
	l.rows = make([]messageRow, 0, min(rt.messages, maxGuess))
	keeps := rt.uids == nil && picked == nil && mailbox.Messages <= windowItems // no more than a job has messages
	known := make(map[string]uint32)
	for page, err := range r.Contents.Ahead(ctx, pages) {
		var entries []manifest.Entry
		if err == nil {
			entries, err = r.Contents.Page(ctx, mailbox, page)
		}
		if err != nil && !rt.reported(err) {
			if err := r.recordDamage(ctx, Problem{Mailbox: mailbox.Name}, err); err != nil {
				return nil, err
			}
		}
		if len(entries) == 0 {
			if picked == nil && rt.uids == nil {
				r.recorder.skipped(int64(page.Messages), 0)
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

// flagSet is the flags and labels that a message gets in the target.
func (r *restorer) flagSet(mailbox *manifest.Mailbox, entry *manifest.Entry) manifest.FlagSet {
	set := manifest.FlagSet{Flags: entry.Flags}
	if !r.KeepDeleted && set.Flags.Has(`\Deleted`) {
		set.Flags = set.Flags.Without(`\Deleted`)
	}
	switch {
	case r.keepsLabels && mailbox.Has(`\All`):
		set.Labels = entry.Labels
	case r.keepsLabels: // what lies in Trash or Spam is shown under no label
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
	if entry.Internal.Raw != "" {
		l.raw[entry.UID] = entry.Internal.Raw
	}
	l.rows = append(l.rows, messageRow{
		hash:    entry.Hash,
		size:    entry.Size,
		seconds: entry.Internal.Seconds,
		zone:    entry.Internal.Zone,
		uid:     entry.UID,
		set:     set,
		at:      uint32((len(l.pages)-1)*manifest.MaxPageRecords + at),
	})
}

// pieceSize is how many messages a folder is asked about at once: what it is told of them takes some 250 bytes each.
const pieceSize = 16 << 10

// compare asks the folder which messages it does not hold. A large mailbox is asked about in pieces, in the order of
// the messages' hashes, so that all copies of a message are in one piece and can be counted. What only resembles a
// message is counted when the folder was asked about all: it may be the copy of another one, of a later piece.
func (l *messageList) compare(ctx context.Context, r *restorer, folder ReadFolder) error {
	var lacks [][]int // of each piece
	err := l.inPieces(func(piece []uint32) error {
		missing, err := l.comparePiece(ctx, r, folder, piece)
		lacks = append(lacks, missing)
		return err
	})
	if err != nil {
		return err
	}
	return l.inPieces(func(piece []uint32) error {
		missing, err := l.resemble(ctx, r, folder, piece, lacks[0])
		lacks = lacks[1:]
		if err != nil {
			return err
		}
		return l.mark(r, piece, missing)
	})
}

// resemble returns the missing messages that the folder does not hold in another form either.
func (l *messageList) resemble(ctx context.Context, r *restorer, folder ReadFolder, piece []uint32, missing []int) ([]int, error) {
	resembler, ok := folder.(SimilarFinder)
	if !ok || len(missing) == 0 {
		return missing, nil
	}
	wanted, rows := make([]Wanted, len(missing)), make([]uint32, len(missing))
	for i, at := range missing {
		if at < 0 || at >= len(piece) {
			return missing, nil // mark refuses it
		}
		rows[i] = piece[at]
		wanted[i] = l.wanted(&rowBody{list: l, row: &l.rows[piece[at]]})
	}
	left, err := resembler.MissingSimilar(ctx, wanted)
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
	return still, l.noteEarlier(ctx, r, folder, rows, wanted)
}

// inPieces visits the messages, all copies of one in the same piece.
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

// comparePiece asks about some messages, and returns those that the folder does not hold.
func (l *messageList) comparePiece(ctx context.Context, r *restorer, folder ReadFolder, piece []uint32) ([]int, error) {
	wanted := make([]Wanted, len(piece))
	for i, at := range piece {
		wanted[i] = l.wanted(&rowBody{list: l, row: &l.rows[at]})
	}
	missing, err := folder.Missing(ctx, wanted)
	if err == nil {
		err = l.readErr // what could not be compared must not be taken for missing: it would be added twice
	}
	if err != nil {
		return nil, err
	}
	return missing, l.noteEarlier(ctx, r, folder, piece, wanted)
}

// noteEarlier records what an interrupted restore could not report.
func (l *messageList) noteEarlier(ctx context.Context, r *restorer, folder ReadFolder, piece []uint32, wanted []Wanted) error {
	remembers, ok := folder.(Journaled)
	if !ok || r.DryRun {
		return nil
	}
	results, err := remembers.EarlierResults(ctx, wanted)
	if err == nil {
		err = l.readErr
	}
	for _, i := range slices.Sorted(maps.Keys(results)) {
		if err == nil {
			row := &l.rows[piece[i]]
			err = r.recorder.recordChanges(ctx, l.mailbox, row.uid, results[i], &rowBody{list: l, row: row})
			if archive.IsDamage(err) { // it cannot be kept, and is in the target
				err = r.recordDamage(ctx, Problem{Mailbox: l.mailbox.Name, UID: row.uid}, err)
			}
		}
	}
	return err
}

// mark takes down the folder's answer.
func (l *messageList) mark(r *restorer, piece []uint32, missing []int) error {
	for _, i := range missing {
		if i < 0 || i >= len(piece) {
			return errors.New("the target names a message that it was not asked about")
		}
		l.rows[piece[i]].state = rowMissing
	}
	if picked := r.picked[l.mailbox]; picked != nil && picked.copies != nil {
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
	r.recorder.present(present, bytes)
	return nil
}

// wanted is a message as a Folder is asked about it.
func (l *messageList) wanted(body *rowBody) Wanted {
	row := body.row
	return Wanted{
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

// record reads what is recorded of a message. The page read last is at hand: it is mostly asked for in order.
func (l *messageList) record(ctx context.Context, row *messageRow) (*manifest.Record, error) {
	page, at := row.page()
	if page < len(l.loaded) {
		return &l.loaded[page][at].Record, nil
	}
	if l.cached.entries == nil || l.cached.page != page {
		entries, err := l.contents.Page(ctx, l.mailbox, l.pages[page])
		if err != nil && !errors.Is(err, archive.ErrFlags) {
			return nil, &archive.ReadError{Err: err}
		}
		l.cached = pageCache{page: page, entries: entries}
	}
	return &l.cached.entries[at].Record, nil
}

// rowBody is the Body of a message of the list. It serves the goroutine that compares. What is damaged is equal to
// nothing that the target holds; so it is missing, and what is wrong with it is found when it is to be added. Any other
// error of reading ends the comparing.
type rowBody struct {
	list *messageList
	row  *messageRow
}

func (b *rowBody) WriteTo(ctx context.Context, w io.Writer) error {
	record, err := b.list.record(ctx, b.row)
	if err == nil {
		err = b.list.contents.Body(record).WriteTo(ctx, w)
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
	header, err := b.list.contents.Header(ctx, record)
	return header, archive.UnlessDamage(err)
}
