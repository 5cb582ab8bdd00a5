package format

import (
	"iter"
	"slices"
)

// WriteSegment writes an index segment of packs and ascending entries, and reads it back. For a
// segment that replaces others, merged has its Inputs and Proofs.
func (c *Codec) WriteSegment(
	s *Spool, packs []PackRow, entries iter.Seq[Entry], merged Table,
) (hash [32]byte, err error) {
	if hash, err = c.fillSegment(s, packs, entries, merged); err != nil {
		return hash, err
	}
	return hash, c.rereadSegment(s)
}

func (c *Codec) fillSegment(
	s *Spool, packs []PackRow, entries iter.Seq[Entry], merged Table,
) (hash [32]byte, err error) {
	w, err := c.NewWriter(s, KindIndex)
	if err != nil {
		return hash, err
	}
	var blocks []blockRow
	block := make([]Entry, 0, blockEntries)
	flush := func() error {
		content := encodeBlock(block)
		blocks = append(blocks, blockRow{First: block[0].Prefix, Entries: uint32(len(block))})
		block = block[:0]
		return c.WithFrame(content, func(encoded []byte) error { return w.Frame(encoded, len(content)) })
	}
	for e := range entries {
		block = append(block, e)
		if len(block) == blockEntries {
			if err := flush(); err != nil {
				return hash, err
			}
		}
	}
	if len(block) > 0 {
		if err := flush(); err != nil {
			return hash, err
		}
	}
	if err := w.Finish(Table{Packs: packs, Blocks: blocks, Inputs: merged.Inputs, Proofs: merged.Proofs}); err != nil {
		return hash, err
	}
	return s.Finish()
}

func (c *Codec) rereadSegment(s *Spool) error {
	plain, size, err := s.Plain()
	if err != nil {
		return err
	}
	seg, err := c.OpenSegment(plain, size)
	if err != nil {
		return err
	}
	for _, err := range seg.Entries() {
		if err != nil {
			return err
		}
	}
	return nil
}

// Sorted sorts entries and yields them.
func Sorted(entries []Entry) iter.Seq[Entry] {
	slices.SortFunc(entries, Entry.Compare)
	return slices.Values(entries)
}
