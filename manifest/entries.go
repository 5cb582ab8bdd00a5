package manifest

import (
	"errors"
	"fmt"
	"iter"
	"math"

	"github.com/mailstrata/mailstrata/chunk"
)

// Entries yields all that is recorded of the mailbox's messages, ascending by UID, loading page after page. An entry is
// the caller's to keep; equal flag sets share memory and are read-only. An error ends it.
func (mb *Mailbox) Entries(load func(chunk.ID) ([]byte, error)) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		pages, err := mb.AllPages(load)
		if err != nil {
			yield(nil, err)
			return
		}
		var bytes int64
		for _, p := range pages {
			entries, err := p.Entries(load)
			if err != nil {
				yield(nil, fmt.Errorf("mailbox %q: %w", mb.Raw, err))
				return
			}
			for i := range entries {
				bytes += min(entries[i].Size, math.MaxInt64-bytes)
				if !yield(&entries[i], nil) {
					return
				}
			}
		}
		if bytes != mb.Bytes {
			yield(nil, fmt.Errorf("mailbox %q: %w: %d bytes of messages, its records have %d", mb.Raw, ErrMalformed, mb.Bytes, bytes))
		}
	}
}

// Entries loads the page: its two chunks, which must be of this page.
func (p Page) Entries(load func(chunk.ID) ([]byte, error)) ([]Entry, error) {
	records, err := p.LoadRecords(load)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p, err)
	}
	b, err := load(p.Flags)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p, err)
	}
	sets, err := ParseFlags(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p, err)
	}
	if len(sets) != len(records) {
		return nil, fmt.Errorf("%s: %w", p, malformed("flag page", fmt.Errorf("%d flag sets for %d records", len(sets), len(records))))
	}
	entries := make([]Entry, len(records))
	for i := range records {
		entries[i] = Entry{Record: records[i], FlagSet: sets[i]}
	}
	return entries, nil
}

// LoadRecords loads what of the page's messages never changes.
func (p Page) LoadRecords(load func(chunk.ID) ([]byte, error)) ([]Record, error) {
	b, err := load(p.Records)
	if err != nil {
		return nil, err
	}
	records, err := ParseRecords(b)
	if err != nil {
		return nil, err
	}
	if len(records) != int(p.Messages) {
		return nil, malformed("record page", fmt.Errorf("%d records, the mailbox says %d", len(records), p.Messages))
	}
	if first, last := records[0].UID, records[len(records)-1].UID; uint32(first) < p.Start || uint64(last) >= p.span().end() {
		return nil, malformed("record page", errors.New("UIDs outside its range"))
	}
	return records, nil
}
