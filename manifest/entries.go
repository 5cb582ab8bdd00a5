package manifest

import (
	"errors"
	"fmt"
	"iter"
	"math"
)

// Entries yields the messages of the mailbox, ascending by UID. It loads page after page. The
// caller may keep an entry, but must not change its FlagSet, because equal sets share memory. The
// first error ends the sequence.
func (mb *Mailbox) Entries(load Load) iter.Seq2[*Entry, error] {
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
			yield(nil, fmt.Errorf("mailbox %q: %w: %d bytes of messages, its records have %d",
				mb.Raw, ErrMalformed, mb.Bytes, bytes))
		}
	}
}

// Entries loads the two chunks of the page and checks that they belong to it.
func (p Page) Entries(load Load) ([]Entry, error) {
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
		err := fmt.Errorf("%d flag sets for %d records", len(sets), len(records))
		return nil, fmt.Errorf("%s: %w", p, malformed("flag page", err))
	}
	entries := make([]Entry, len(records))
	for i := range records {
		entries[i] = Entry{Record: records[i], FlagSet: sets[i]}
	}
	return entries, nil
}

// LoadRecords loads the records of the page.
func (p Page) LoadRecords(load Load) ([]Record, error) {
	b, err := load(p.Records)
	if err != nil {
		return nil, err
	}
	records, err := ParseRecords(b)
	if err != nil {
		return nil, err
	}
	if len(records) != int(p.Messages) {
		return nil, malformed("record page", fmt.Errorf("%d records, the page row says %d", len(records), p.Messages))
	}
	first, last := uint32(records[0].UID), uint64(records[len(records)-1].UID)
	if first < p.Start || last >= p.span().end() {
		return nil, malformed("record page", errors.New("UIDs outside its range"))
	}
	return records, nil
}
