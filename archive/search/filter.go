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

// filter is the reading of messages, a page of them at a time, as far as a sieve needs it.
type filter struct {
	contents *archive.Contents
	mailbox  *manifest.Mailbox
	matcher  *matcher
	messages []candidate
}

// candidate is a message whose records fit.
type candidate struct {
	record   *manifest.Record
	parts    []manifest.Part
	fits     bool
	readText bool  // its text must be read
	err      error // why it cannot be read
}

// filterMessages tells which messages fit by what is in them. Those that cannot be read do not fit, and harm is told of them. The
// error is for what would meet every other message too.
func filterMessages(ctx context.Context, c *archive.Contents, mailbox *manifest.Mailbox, s *matcher, records []*manifest.Record) (fits []bool, harm []error, err error) {
	f := &filter{contents: c, mailbox: mailbox, matcher: s, messages: make([]candidate, len(records))}
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
		if m.err != nil {
			harm = append(harm, fmt.Errorf("mailbox %q, UID %d: %w", mailbox.Name, m.record.UID, m.err))
		}
	}
	return fits, harm, nil
}

// read tries the headers of all messages, and then the text of those that are in doubt.
func (f *filter) read(ctx context.Context) error {
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
	if err := inStoreOrder(ctx, f.contents, headers, func(i int) error { return f.tryHeader(ctx, &f.messages[i]) }); err != nil {
		return err
	}
	texts := make([][]chunk.ID, len(f.messages))
	for i := range f.messages {
		if f.messages[i].readText {
			texts[i] = slices.Concat(textRanges(f.messages[i].parts)...)
		}
	}
	return inStoreOrder(ctx, f.contents, texts, func(i int) error { return f.tryText(ctx, &f.messages[i]) })
}

func (f *filter) tryHeader(ctx context.Context, m *candidate) error {
	header, err := chunksOf(ctx, f.contents, m.parts[0].Chunks)
	if err != nil {
		return m.failed(ctx, err)
	}
	if !f.matcher.fitsHeader(header) {
		return nil
	}
	m.fits = f.matcher.Attachment == "" || f.matcher.namesAttachment(header)
	m.readText = !m.fits && isMultipart(header)
	return nil
}

func (f *filter) tryText(ctx context.Context, m *candidate) error {
	for _, ids := range textRanges(m.parts) {
		text, err := chunksOf(ctx, f.contents, ids)
		if err != nil {
			return m.failed(ctx, err)
		}
		if f.matcher.namesAttachment(text) {
			m.fits = true
			return nil
		}
	}
	return nil
}

// failed takes down damage, and returns any other error.
func (m *candidate) failed(ctx context.Context, err error) error {
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !archive.IsDamage(err):
		return err
	}
	m.err = cmp.Or(m.err, err)
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

// framesAtOnce is how many frames are fetched together: few enough to be in the reader's memory still when they are used.
const framesAtOnce = 5

// inStoreOrder visits lists of chunks in the order in which they lie in the store, and has their frames fetched together
// before. Empty lists are passed over. Chunks that cannot be found are left for visit to miss.
func inStoreOrder(ctx context.Context, c *archive.Contents, lists [][]chunk.ID, visit func(i int) error) error {
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
		for n < len(stops) && (n == 0 || len(frames) < framesAtOnce) {
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
