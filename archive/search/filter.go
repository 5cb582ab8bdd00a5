package search

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// sifting is the reading of messages, a page of them at a time, as far as a sieve needs it.
type sifting struct {
	contents *archive.Contents
	mailbox  *manifest.Mailbox
	sieve    *sieve
	messages []siftedMessage
}

// siftedMessage is a message whose records fit.
type siftedMessage struct {
	record *manifest.Record
	parts  []manifest.Part
	fits   bool
	doubt  bool  // its text must be read
	harm   error // why it cannot be read
}

// sift tells which messages fit by what is in them. Those that cannot be read do not fit, and harm is told of them. The
// error is for what would meet every other message too.
func sift(ctx context.Context, c *archive.Contents, mailbox *manifest.Mailbox, s *sieve, records []*manifest.Record) (fits []bool, harm []error, err error) {
	f := &sifting{contents: c, mailbox: mailbox, sieve: s, messages: make([]siftedMessage, len(records))}
	for i, record := range records {
		f.messages[i].record = record
		f.messages[i].fits = !s.ReadsMail()
	}
	if s.ReadsMail() {
		if err := f.read(ctx); err != nil {
			return nil, nil, err
		}
	}
	for i := range f.messages {
		m := &f.messages[i]
		fits = append(fits, m.fits)
		if m.harm != nil {
			harm = append(harm, fmt.Errorf("mailbox %q, UID %d: %w", mailbox.Name, m.record.UID, m.harm))
		}
	}
	return fits, harm, nil
}

// read tries the headers of all messages, and then the text of those that are in doubt.
func (f *sifting) read(ctx context.Context) error {
	headers := make([][]chunk.ID, len(f.messages))
	for i := range f.messages {
		m := &f.messages[i]
		parts, err := m.record.PartList(f.contents.Load(ctx))
		if err := m.failed(ctx, err); err != nil {
			return err
		}
		if m.parts = parts; len(parts) > 0 && parts[0].Kind == mail.HeaderPart {
			headers[i] = parts[0].Chunks
		}
	}
	if err := nearby(ctx, f.contents, headers, func(i int) error { return f.tryHeader(ctx, &f.messages[i]) }); err != nil {
		return err
	}
	texts := make([][]chunk.ID, len(f.messages))
	for i := range f.messages {
		if f.messages[i].doubt {
			texts[i] = slices.Concat(textStretches(f.messages[i].parts)...)
		}
	}
	return nearby(ctx, f.contents, texts, func(i int) error { return f.tryText(ctx, &f.messages[i]) })
}

func (f *sifting) tryHeader(ctx context.Context, m *siftedMessage) error {
	header, err := chunksOf(ctx, f.contents, m.parts[0].Chunks)
	if err != nil {
		return m.failed(ctx, err)
	}
	if !f.sieve.fitsHeader(header) {
		return nil
	}
	m.fits = f.sieve.Attachment == "" || f.sieve.namesAttachment(header)
	m.doubt = !m.fits && isMultipart(header)
	return nil
}

func (f *sifting) tryText(ctx context.Context, m *siftedMessage) error {
	for _, ids := range textStretches(m.parts) {
		text, err := chunksOf(ctx, f.contents, ids)
		if err != nil {
			return m.failed(ctx, err)
		}
		if f.sieve.namesAttachment(text) {
			m.fits = true
			return nil
		}
	}
	return nil
}

// failed takes down damage, and returns any other error.
func (m *siftedMessage) failed(ctx context.Context, err error) error {
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !archive.IsDamage(err):
		return err
	}
	m.harm = cmp.Or(m.harm, err)
	return nil
}

// chunksOf reads chunks, one after the other.
func chunksOf(ctx context.Context, c *archive.Contents, ids []chunk.ID) ([]byte, error) {
	var text []byte
	for _, id := range ids {
		data, err := c.Chunk(ctx, id)
		if err != nil {
			return nil, err
		}
		if len(ids) == 1 {
			return data, nil // read-only, as all callers treat it
		}
		text = append(text, data...)
	}
	return text, nil
}

// nearbyFrames is how many frames are fetched together: few enough to be in the reader's memory still when they are used.
const nearbyFrames = 5

// nearby visits lists of chunks in the order in which they lie in the store, and has their frames fetched together
// before. Empty lists are passed over. Chunks that cannot be found are left for visit to miss.
func nearby(ctx context.Context, c *archive.Contents, lists [][]chunk.ID, visit func(i int) error) error {
	type stop struct {
		at     int
		places []repo.Location
	}
	var stops []stop
	for i, ids := range lists {
		if len(ids) == 0 {
			continue
		}
		places, err := c.Locate(ctx, ids)
		if err != nil && !archive.IsDamage(err) {
			return err
		}
		stops = append(stops, stop{i, places})
	}
	slices.SortStableFunc(stops, func(a, b stop) int {
		if len(a.places) == 0 || len(b.places) == 0 {
			return cmp.Compare(len(a.places), len(b.places))
		}
		return cmp.Or(a.places[0].Frame.Compare(b.places[0].Frame), cmp.Compare(a.places[0].Offset, b.places[0].Offset))
	})
	for len(stops) > 0 {
		var frames []repo.Frame
		n := 0
		for n < len(stops) && (n == 0 || len(frames) < nearbyFrames) {
			for _, place := range stops[n].places {
				if !slices.Contains(frames, place.Frame) {
					frames = append(frames, place.Frame)
				}
			}
			n++
		}
		c.Prefetch(ctx, frames)
		for _, s := range stops[:n] {
			if err := visit(s.at); err != nil {
				return err
			}
		}
		stops = stops[n:]
	}
	return nil
}
