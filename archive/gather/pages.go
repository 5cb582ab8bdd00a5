package gather

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"sort"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// piece is a page of a gathered mailbox: its records, or its flags.
type piece struct {
	gathering *Gathering
	mailbox   *gathered
	from, to  int // of its messages
	flags     bool
}

// addPages returns the pages of a mailbox, and remembers what they hold.
func (r *reader) addPages(g *Gathering, box *gathered) (pages []manifest.Page) {
	for _, s := range spans(box.messages, 0, len(box.messages), 0, 32) {
		p := piece{gathering: g, mailbox: box, from: s.from, to: s.to}
		page := manifest.Page{Start: s.start, Bits: s.bits, Messages: uint32(s.to - s.from), Records: r.add(p)}
		p.flags = true
		page.Flags = r.add(p)
		pages = append(pages, page)
	}
	return pages
}

// add remembers a piece and returns its name. Chunks have keyed hashes, so none of a repository has
// this name.
func (r *reader) add(p piece) chunk.ID {
	r.named++
	id := chunk.ID(sha256.Sum256(binary.BigEndian.AppendUint64([]byte("gathered "), r.named)))
	r.pages[id] = p
	return id
}

// span is a range of UIDs, from start to start + 2^bits − 1, and its messages.
type span struct {
	start    uint32
	bits     uint8
	from, to int
}

// spans divides messages into spans of up to MaxPageRecords.
func spans(messages []message, from, to int, start uint32, bits uint8) []span {
	switch {
	case from == to:
		return nil
	case to-from <= manifest.MaxPageRecords:
		return []span{{start, bits, from, to}}
	}
	middle := start + 1<<(bits-1)
	at := from + sort.Search(to-from, func(i int) bool { return uint32(messages[from+i].as) >= middle })
	return append(spans(messages, from, at, start, bits-1), spans(messages, at, to, middle, bits-1)...)
}

// encode reads the messages of the piece and encodes it.
func (p piece) encode(ctx context.Context) ([]byte, error) {
	entries, err := p.entries(ctx)
	if err != nil {
		return nil, err
	}
	if p.flags {
		sets := make([]manifest.FlagSet, len(entries))
		for i := range entries {
			sets[i] = entries[i].FlagSet
		}
		return manifest.EncodeFlags(sets)
	}
	records := make([]manifest.Record, len(entries))
	for i := range entries {
		records[i] = entries[i].Record
	}
	return manifest.EncodeRecords(records)
}

// entries returns the messages of the piece, ascending by UID.
func (p piece) entries(ctx context.Context) ([]manifest.Entry, error) {
	wanted := make(map[uint32]mail.UIDSet) // by version
	for _, m := range p.mailbox.messages[p.from:p.to] {
		set := wanted[m.version]
		set.Add(m.uid)
		wanted[m.version] = set
	}
	entries := make([]manifest.Entry, 0, p.to-p.from)
	for at, uids := range wanted {
		v := &p.mailbox.versions[at]
		for e, err := range p.gathering.nights[v.night].EntriesAt(ctx, v.mailbox, uids) {
			switch {
			case err != nil && (p.flags || !isFlags(err)):
				return nil, err
			case err != nil: // asked for the flags, the piece of them has the error
				continue
			}
			entry := *e
			entry.UID += mail.UID(v.offset)
			entries = append(entries, entry)
		}
	}
	slices.SortFunc(entries, func(a, b manifest.Entry) int { return cmp.Compare(a.UID, b.UID) })
	if len(entries) != p.to-p.from {
		return nil, fmt.Errorf("%d of %d gathered messages are in their manifests", len(entries), p.to-p.from)
	}
	return entries, nil
}
