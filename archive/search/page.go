package search

import (
	"cmp"
	"context"
	"fmt"
	"iter"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// page is a page of records on its way through a search: its candidates, the messages whose records
// match, are read as far as the matcher needs them. Many pages are under way at once, so that their
// headers are fetched together.
type page struct {
	mailbox    *manifest.Mailbox
	candidates []candidate

	// of a search in all manifests
	account *accountSearch
	number  uint32 // of the manifest
	key     pageKey
}

// candidate is a message whose record matches.
type candidate struct {
	entry    *manifest.Entry
	settled  bool // an earlier page has the message, so it is not read
	parts    []manifest.Part
	fits     bool
	readText bool  // its text must be read
	err      error // why it cannot be read
}

// readMessages yields the pages of a sequence when their candidates are matched. It reads the
// headers of many pages at once, and then the texts that are searched for names of attachments.
// Damage is recorded in the candidates.
func readMessages(
	ctx context.Context, chunks archive.ChunkReader, m *matcher, pages iter.Seq2[*page, error],
) iter.Seq2[*page, error] {
	s := &messageReader{ctx, chunks, m}
	var matched iter.Seq2[*page, error]
	if m.readsHeaders() {
		matched = eachPage(archive.HeadersAhead(ctx, chunks, pages, (*page).unsettled), s.tryHeaders)
	} else {
		matched = eachPage(pages, func(p *page) error { return p.acceptAll() })
	}
	if m.Attachment != "" {
		matched = eachPage(archive.AheadOf(ctx, chunks, matched, (*page).texts), s.tryTexts)
	}
	if m.Message != nil {
		matched = s.tryMessages(matched)
	}
	return matched
}

func (p *page) acceptAll() error {
	for i := range p.candidates {
		p.candidates[i].fits = true
	}
	return nil
}

// eachPage yields the pages after do, or the error of do.
func eachPage(pages iter.Seq2[*page, error], do func(*page) error) iter.Seq2[*page, error] {
	return func(yield func(*page, error) bool) {
		for p, err := range pages {
			if err == nil {
				err = do(p)
			}
			if !yield(p, err) {
				return
			}
		}
	}
}

// unsettled returns the records of the messages that are read.
func (p *page) unsettled() (records []*manifest.Record) {
	for i := range p.candidates {
		if c := &p.candidates[i]; !c.settled {
			records = append(records, &c.entry.Record)
		}
	}
	return records
}

// texts returns the chunks of the texts that are read.
func (p *page) texts() (ids []chunk.ID) {
	for i := range p.candidates {
		if c := &p.candidates[i]; c.readText {
			for _, some := range textRanges(c.parts) {
				ids = append(ids, some...)
			}
		}
	}
	return ids
}

// damage returns why messages of the page cannot be read.
func (p *page) damage() (all []error) {
	for i := range p.candidates {
		if c := &p.candidates[i]; c.err != nil {
			all = append(all, fmt.Errorf("mailbox %q, UID %d: %w", p.mailbox.Name, c.entry.UID, c.err))
		}
	}
	return all
}

// messageReader matches the messages of pages by what it reads of them.
type messageReader struct {
	ctx     context.Context
	chunks  archive.ChunkReader
	matcher *matcher
}

func (s *messageReader) tryHeaders(p *page) error { return s.each(p, s.tryHeader) }
func (s *messageReader) tryTexts(p *page) error   { return s.each(p, s.tryText) }

// each calls do for each message that is read. It records damage, and returns any other error.
func (s *messageReader) each(p *page, do func(*candidate) error) error {
	for i := range p.candidates {
		c := &p.candidates[i]
		if c.settled {
			continue
		}
		err := do(c)
		switch {
		case err == nil:
		case s.ctx.Err() != nil:
			return context.Cause(s.ctx)
		case !archive.IsDamage(err):
			return err
		}
		c.err = cmp.Or(c.err, err)
	}
	return nil
}

func (s *messageReader) tryHeader(c *candidate) (err error) {
	if c.parts, err = c.entry.PartList(s.load); err != nil || len(c.parts) == 0 || c.parts[0].Kind != mail.HeaderPart {
		return err
	}
	header, err := archive.HeaderFields(s.ctx, s.chunks, c.parts)
	if err != nil || !s.matcher.fitsHeader(header) {
		return err
	}
	c.fits = s.matcher.Attachment == "" || s.matcher.namesAttachment(header)
	c.readText = !c.fits && isMultipart(header)
	return nil
}

func (s *messageReader) tryText(c *candidate) error {
	if !c.readText {
		return nil
	}
	for _, ids := range textRanges(c.parts) {
		text, err := s.join(ids)
		if err != nil {
			return err
		}
		if s.matcher.namesAttachment(text) {
			c.fits = true
			return nil
		}
	}
	return nil
}

func (s *messageReader) load(id chunk.ID) ([]byte, error) { return s.chunks.Chunk(s.ctx, id) }

// join reads chunks and joins them.
func (s *messageReader) join(ids []chunk.ID) ([]byte, error) {
	var text []byte
	for _, id := range ids {
		data, err := s.load(id)
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
