package search

import (
	"context"
	"iter"
	"runtime"

	"github.com/mailstrata/mailstrata/archive/readable"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/manifest"
)

// pageItem is a candidate of a page, or the end of the page.
type pageItem struct {
	page *page
	at   int // of the candidate; -1: the page ends
}

// tryMessages yields the pages when the matcher has seen the messages of their candidates. Several
// messages are matched at once, and each is in memory only until then.
func (s *messageReader) tryMessages(pages iter.Seq2[*page, error]) iter.Seq2[*page, error] {
	read := readable.Messages(s.ctx, readable.Options[pageItem]{
		Chunks: s.chunks, Record: pageItem.record, Wants: s.matcher.Message.Wants,
	}, candidates(pages))
	matched := inorder.Overlap(s.ctx, 2*runtime.GOMAXPROCS(0), read, s.tryMessage)
	return func(yield func(*page, error) bool) {
		for it, err := range matched {
			if (err != nil || it.at < 0) && !yield(it.page, err) {
				return
			}
		}
	}
}

// candidates yields the candidates of pages, and the end of each page.
func candidates(pages iter.Seq2[*page, error]) iter.Seq2[pageItem, error] {
	return func(yield func(pageItem, error) bool) {
		for p, err := range pages {
			if err != nil {
				if !yield(pageItem{}, err) {
					return
				}
				continue
			}
			for i := range p.candidates {
				if c := &p.candidates[i]; c.fits && !c.settled && !yield(pageItem{p, i}, nil) {
					return
				}
			}
			if !yield(pageItem{p, -1}, nil) {
				return
			}
		}
	}
}

func (it pageItem) record() *manifest.Record {
	if it.at < 0 {
		return nil
	}
	return &it.page.candidates[it.at].entry.Record
}

func (s *messageReader) tryMessage(ctx context.Context, m readable.Message[pageItem]) (pageItem, error) {
	if m.Item.at < 0 {
		return m.Item, nil
	}
	c := &m.Item.page.candidates[m.Item.at]
	if m.Err != nil {
		c.fits, c.err = false, m.Err
		return m.Item, nil
	}
	var err error
	c.fits, err = s.matcher.Message.Match(ctx, m.Raw)
	return m.Item, err
}
