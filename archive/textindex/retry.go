package textindex

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/fulltext"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// What cannot be read is remembered, and tried again at most once within retryAfter: a pack can be
// repaired, and a host can learn to read PDFs. Each time this takes a bounded number of messages
// and manifests.
const (
	retryAfter   = 20 * time.Hour // so that a run every night tries
	retriedMail  = 1000
	retriedNight = 16
)

// lack is why the index lacks text of a message.
type lack uint64

const (
	lacksMail     lack = 0 // the message is damaged
	lacksDocument lack = 1 // documents of its kind cannot be read on this host
)

// lackOf reports whether a message that was read lacks text that another time can bring.
func lackOf(x *extracted) (lack, bool) {
	if x.failed != nil {
		return lacksMail, true
	}
	return lacksDocument, slices.ContainsFunc(x.skipped, func(err error) bool { return errors.Is(err, errors.ErrUnsupported) })
}

func lackKeyOf(hash chunk.ID) []byte { return append([]byte(lackKey), hash[:]...) }

// noteLack records whether a message lacks text.
func noteLack(ctx context.Context, u *fulltext.Update, x *extracted) error {
	why, lacks := lackOf(x)
	if !lacks {
		return nil
	}
	value := binary.AppendUvarint(binary.AppendVarint(nil, time.Now().Unix()), uint64(why))
	return u.Put(ctx, lackKeyOf(x.record.Hash), value)
}

// lacking is a message that lacks text.
type lacking struct {
	hash  chunk.ID
	tried int64 // when it was read the last time, in seconds since 1970
	why   lack
}

// lacking returns the messages that lack text.
func (x *Index) lacking(ctx context.Context) (all []lacking, err error) {
	pairs, err := x.words.State(ctx, []byte(lackKey))
	if err != nil {
		return nil, err
	}
	for _, p := range pairs {
		d := decoder{rest: p.Value}
		l := lacking{tried: d.signed(), why: lack(d.number())}
		if d.bad || len(p.Key) != len(lackKey)+len(l.hash) {
			return nil, errState
		}
		copy(l.hash[:], p.Key[len(lackKey):])
		all = append(all, l)
	}
	return all, nil
}

// Complete reports whether the index has every message of every manifest. Otherwise what it does
// not find may be in a message that is damaged.
func (x *Index) Complete(ctx context.Context, live *Live) (bool, error) {
	for _, n := range live.state.nights {
		if n.lacks {
			return false, nil
		}
	}
	messages, err := x.lacking(ctx)
	return !slices.ContainsFunc(messages, func(l lacking) bool { return l.why == lacksMail }), err
}

// lackingNights returns the manifests of which pieces could not be read, the latest first.
func (b *bringing) lackingNights() (all []*night) {
	for name, n := range b.state.nights {
		if n.lacks && b.heads[name].Committed() {
			all = append(all, n)
		}
	}
	slices.SortFunc(all, func(x, y *night) int { return cmp.Compare(y.number, x.number) })
	return all
}

// retriesDue reports whether there is something to try again, and time for it.
func (b *bringing) retriesDue(ctx context.Context) (bool, error) {
	messages, err := b.lacking(ctx)
	if err != nil || len(messages) == 0 && len(b.lackingNights()) == 0 {
		return false, err
	}
	pairs, err := b.words.State(ctx, []byte(retryKey))
	if err != nil || len(pairs) == 0 || b.Retry {
		return true, err
	}
	d := decoder{rest: pairs[0].Value}
	since := time.Since(time.Unix(d.signed(), 0))
	return since >= retryAfter || since < 0, d.err()
}

// noteRetry records that now is tried again.
func (b *bringing) noteRetry() {
	b.window.put(fulltext.Pair{Key: []byte(retryKey), Value: binary.AppendVarint(nil, time.Now().Unix())})
}

// retryNights makes the accounts begin again that have a manifest of which all can be read now.
// This reads no mail.
func (b *bringing) retryNights(ctx context.Context) error {
	again := make(map[uint64]bool)
	for i, n := range b.lackingNights() {
		if i == retriedNight {
			break
		}
		if a := b.state.byNumber[n.account]; a == nil || again[n.account] {
			continue
		} else if whole, err := b.isWhole(ctx, b.heads[n.name]); err != nil {
			return err
		} else if whole {
			again[n.account] = true
			if err := b.forget(ctx, a); err != nil {
				return err
			}
		}
	}
	return nil
}

// isWhole reports whether all mailboxes and record pages of a manifest can be read.
func (b *bringing) isWhole(ctx context.Context, head repo.Head) (whole bool, err error) {
	contents, err := b.reader.Open(ctx, head)
	if err != nil {
		return false, archive.UnlessDamage(err)
	}
	for m, err := range contents.Mailboxes(ctx) {
		if err != nil {
			return false, archive.UnlessDamage(err)
		}
		if m.Label {
			continue
		}
		for page, err := range archive.NewLookahead(b.reader, nil, false).Pages(ctx, contents.Pages(ctx, m)) {
			if err == nil {
				_, err = contents.Records(ctx, page)
			}
			if err != nil {
				return false, archive.UnlessDamage(err)
			}
		}
	}
	return true, context.Cause(ctx)
}

// retryMessages reads messages again that lack text.
func (b *bringing) retryMessages(ctx context.Context) error {
	all, err := b.lacking(ctx)
	if err != nil || len(all) == 0 {
		return err
	}
	slices.SortStableFunc(all, func(x, y lacking) int { return cmp.Compare(x.tried, y.tried) })
	all = all[:min(len(all), retriedMail)]
	records, err := b.recordsOf(ctx, all)
	if err != nil {
		return err
	}
	of := map[lack]map[chunk.ID]manifest.Record{lacksMail: {}, lacksDocument: {}}
	for _, l := range all {
		if record, ok := records[l.hash]; ok {
			of[l.why][l.hash] = record
		}
	}
	if first := one(of[lacksDocument]); first != nil { // if no PDF can be read, one message shows it
		lacks, err := b.readAgain(ctx, first)
		if err != nil {
			return err
		}
		if lacks > 0 {
			clear(of[lacksDocument])
		}
	}
	maps.Copy(of[lacksMail], of[lacksDocument])
	_, err = b.readAgain(ctx, of[lacksMail])
	return err
}

// one removes one of some records, and returns it. It returns nil if there is none.
func one(records map[chunk.ID]manifest.Record) map[chunk.ID]manifest.Record {
	for hash, record := range records {
		delete(records, hash)
		return map[chunk.ID]manifest.Record{hash: record}
	}
	return nil
}

// recordsOf returns the records of messages, as far as they can be read.
func (b *bringing) recordsOf(ctx context.Context, all []lacking) (map[chunk.ID]manifest.Record, error) {
	hashes := make([]chunk.ID, len(all))
	for i := range all {
		hashes[i] = all[i].hash
	}
	hits, err := b.words.Messages(ctx, hashes)
	if err != nil {
		return nil, err
	}
	live := b.state.live(b.heads)
	var places []place
	for i := range hits {
		stays, err := decodeStays(hits[i].Data)
		if err != nil {
			return nil, err
		}
		for j := range stays {
			if account, in, ok := live.interval(&stays[j]); ok {
				night := live.accounts[account][in.to-1]
				places = append(places, place{
					hash: hits[i].Hash, night: night, box: live.state.boxes[stays[j].box], uid: stays[j].uid,
				})
				break
			}
		}
	}
	records := make(map[chunk.ID]manifest.Record)
	l := &locator{search: new(Search), one: true, open: func(ctx context.Context, n liveNight) (*archive.Contents, error) {
		return b.reader.Open(ctx, n.head)
	}}
	l.yieldAll(ctx, places, func(hit *search.Hit, located error) bool {
		if located == nil {
			records[hit.Entry.Hash] = hit.Entry.Record
		}
		err = archive.UnlessDamage(located)
		return err == nil
	})
	return records, err
}

// readAgain reads messages again, and returns how many of them still lack text.
func (b *bringing) readAgain(ctx context.Context, records map[chunk.ID]manifest.Record) (lacks int, err error) {
	if len(records) == 0 {
		return 0, nil
	}
	err = b.update(ctx, func(u *fulltext.Update) error {
		lacks = 0
		for x, err := range b.extract(ctx, records) {
			if err != nil {
				return err
			}
			hash := x.record.Hash
			if _, still := lackOf(&x); still {
				lacks++
				if err := noteLack(ctx, u, &x); err != nil {
					return err
				}
				continue
			}
			found, err := b.words.Messages(ctx, []chunk.ID{hash})
			if err != nil || len(found) == 0 {
				return cmp.Or(err, fmt.Errorf("%w: message %s is gone", errState, hash))
			}
			if err := errors.Join(u.Remove(ctx, hash), u.Delete(ctx, lackKeyOf(hash))); err != nil {
				return err
			}
			if err := u.Add(ctx, fulltext.Message{Hash: hash, Date: found[0].Date, Fields: x.fields, Data: found[0].Data}); err != nil {
				return err
			}
			b.report.Again++
		}
		return nil
	})
	return lacks, err
}
