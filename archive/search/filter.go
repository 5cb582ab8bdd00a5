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

// filter reads the messages of a page as far as a matcher needs them.
type filter struct {
	contents *archive.Contents
	mailbox  *manifest.Mailbox
	matcher  *matcher
	messages []candidate
}

// candidate is a message whose record matches.
type candidate struct {
	record   *manifest.Record
	parts    []manifest.Part
	fits     bool
	readText bool  // its text must be read
	err      error // why it cannot be read
}

// filterMessages reports which messages match by their text. Messages that cannot be read do not match, and damage has their
// errors. err is for what would affect every other message too.
func filterMessages(ctx context.Context, c *archive.Contents, mailbox *manifest.Mailbox, s *matcher, records []*manifest.Record) (fits []bool, damage []error, err error) {
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
			damage = append(damage, fmt.Errorf("mailbox %q, UID %d: %w", mailbox.Name, m.record.UID, m.err))
		}
	}
	return fits, damage, nil
}

// read matches the headers of all messages, and then the text of those that need it.
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

// failed records damage, and returns any other error.
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

// chunksOf reads chunks and joins them.
func chunksOf(ctx context.Context, c *archive.Contents, ids []chunk.ID) ([]byte, error) {
	var text []byte
	for _, id := range ids {
		data, err := c.Chunk(ctx, id)
		if err != nil {
			return nil, err
		}
		if len(ids) == 1 {
			return data, nil // callers do not change it
		}
		text = append(text, data...)
	}
	return text, nil
}

// framesAtOnce is the number of frames that are fetched together: few enough to stay in the reader's cache until they are used.
const framesAtOnce = 5

// inStoreOrder visits lists of chunks in the order in which they are stored, and fetches the frames of several together before. It
// skips empty lists. visit gets the error of chunks that cannot be found when it reads them.
func inStoreOrder(ctx context.Context, c *archive.Contents, lists [][]chunk.ID, visit func(i int) error) error {
	type list struct {
		at     int
		places []repo.Location
	}
	var located []list
	for i, ids := range lists {
		if len(ids) == 0 {
			continue
		}
		places, err := c.Locate(ctx, ids)
		if err != nil && !archive.IsDamage(err) {
			return err
		}
		located = append(located, list{i, places})
	}
	slices.SortStableFunc(located, func(a, b list) int {
		if len(a.places) == 0 || len(b.places) == 0 {
			return cmp.Compare(len(a.places), len(b.places))
		}
		return cmp.Or(a.places[0].Frame.Compare(b.places[0].Frame), cmp.Compare(a.places[0].Offset, b.places[0].Offset))
	})
	for len(located) > 0 {
		var frames []repo.Frame
		n := 0
		for n < len(located) && (n == 0 || len(frames) < framesAtOnce) {
			for _, place := range located[n].places {
				if !slices.Contains(frames, place.Frame) {
					frames = append(frames, place.Frame)
				}
			}
			n++
		}
		c.Prefetch(ctx, frames)
		for _, s := range located[:n] {
			if err := visit(s.at); err != nil {
				return err
			}
		}
		located = located[n:]
	}
	return nil
}
