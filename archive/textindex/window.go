package textindex

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/fulltext"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// limits bound a window. A window with more is written.
var limits = struct{ messages, changes, nights int }{
	messages: 2 << 10, // that the index may lack
	changes:  64 << 10,
	nights:   128,
}

// window has changes of the index that are written together.
type window struct {
	changes map[chunk.ID][]change
	records map[chunk.ID]manifest.Record // of the messages that begin somewhere
	pairs   map[string][]byte            // nil: the key is deleted
	count   int                          // of changes
	nights  int
}

// change is a stay that begins, or one that ends.
type change struct {
	stay
	ends bool
}

func newWindow() *window {
	return &window{
		changes: make(map[chunk.ID][]change), records: make(map[chunk.ID]manifest.Record),
		pairs: make(map[string][]byte),
	}
}

func (w *window) full() bool {
	return len(w.records) >= limits.messages || w.count >= limits.changes || w.nights >= limits.nights
}

func (w *window) put(p fulltext.Pair) { w.pairs[string(p.Key)] = p.Value }

func (w *window) delete(key []byte) { w.pairs[string(key)] = nil }

// begin adds a stay.
func (w *window) begin(box *mailbox, record *manifest.Record, n uint64) {
	s := stay{box: box.number, uid: record.UID, size: record.Size, date: noDate, first: n, last: openNight}
	if record.Internal.IsReadable() {
		s.date = record.Internal.Resolved().Seconds
	}
	w.changes[record.Hash] = append(w.changes[record.Hash], change{stay: s})
	if _, has := w.records[record.Hash]; !has {
		w.records[record.Hash] = *record
	}
	w.put(fulltext.Pair{Key: heldKeyOf(box.number, &record.Hash), Value: []byte{}})
	w.count++
}

// end ends a stay that has not ended.
func (w *window) end(box uint64, uid mail.UID, hash chunk.ID, last uint64) {
	w.changes[hash] = append(w.changes[hash], change{stay{box: box, uid: uid, last: last}, true})
	w.count++
}

// apply returns the stays of a message after changes. A stay that ends before it begins was never
// there.
func apply(stays []stay, changes []change) []stay {
	for _, c := range changes {
		if !c.ends {
			stays = append(stays, c.stay)
			continue
		}
		i := slices.IndexFunc(stays, func(s stay) bool { return s.last == openNight && s.box == c.box && s.uid == c.uid })
		if i < 0 {
			continue
		}
		if stays[i].last = c.last; stays[i].first > c.last {
			stays = slices.Delete(stays, i, i+1)
		}
	}
	return stays
}

// errOvertaken reports that another process wrote the index.
var errOvertaken = errors.New("another process has changed the index")

// write writes the window, and begins another.
func (b *bringing) write(ctx context.Context) error {
	w := b.window
	if w.count == 0 && len(w.pairs) == 0 {
		return nil
	}
	err := b.update(ctx, func(u *fulltext.Update) error {
		if err := b.writeMessages(ctx, u, w); err != nil {
			return err
		}
		for key, value := range w.pairs {
			var err error
			if value == nil {
				err = u.Delete(ctx, []byte(key))
			} else {
				err = u.Put(ctx, []byte(key), value)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		b.window = newWindow()
	}
	return err
}

// update changes the index, if no other process has changed it since the state was read.
func (b *bringing) update(ctx context.Context, do func(*fulltext.Update) error) error {
	err := b.words.Update(ctx, func(u *fulltext.Update) error {
		var now state
		version, err := now.readVersion(ctx, u)
		if err != nil {
			return err
		}
		if now.windows != b.state.windows || version != 0 && version != stateVersion {
			return errOvertaken
		}
		if err := do(u); err != nil {
			return err
		}
		return b.putVersion(ctx, u)
	})
	if err == nil {
		b.state.windows++
	}
	return err
}

func (b *bringing) putVersion(ctx context.Context, u *fulltext.Update) error {
	value := binary.AppendUvarint(binary.AppendUvarint(nil, stateVersion), b.state.windows+1)
	return u.Put(ctx, []byte(versionKey), binary.AppendUvarint(value, uint64(b.state.spread)))
}

// writeMessages writes the stays of messages, and adds those that the index lacks.
func (b *bringing) writeMessages(ctx context.Context, u *fulltext.Update, w *window) error {
	hashes := make([]chunk.ID, 0, len(w.changes))
	for hash := range w.changes {
		hashes = append(hashes, hash)
	}
	present, err := b.words.Messages(ctx, hashes)
	if err != nil {
		return err
	}
	for i := range present {
		hit := &present[i]
		stays, err := decodeStays(hit.Data)
		if err != nil {
			return err
		}
		stays = apply(stays, w.changes[hit.Hash])
		b.state.noteDates(stays, hit.Date)
		if err := u.SetData(ctx, hit.Hash, encodeStays(stays)); err != nil {
			return err
		}
		delete(w.records, hit.Hash)
	}
	return b.addMessages(ctx, u, w)
}

// dateOf returns the date of a message in the index.
func dateOf(record *manifest.Record) time.Time {
	if !record.Internal.IsReadable() {
		return time.Unix(0, 0)
	}
	return time.Unix(record.Internal.Resolved().Seconds, 0)
}

// noteDates records how far the dates of a message's stays are from the date that it has in the
// index.
func (s *state) noteDates(stays []stay, date time.Time) {
	for i := range stays {
		if stays[i].date == noDate {
			continue
		}
		apart := stays[i].date - date.Unix()
		s.spread = max(s.spread, apart, -apart)
	}
}
