package repo

import (
	"fmt"
	"iter"

	"github.com/mailstrata/mailstrata/repo/format"
)

// writeSegment makes an index segment of packs and ascending entries, in a spool that the caller closes. For a segment that
// replaces others, merged has its Inputs and Proofs.
func (o *objects) writeSegment(packs []format.PackRow, entries iter.Seq[format.Entry], merged format.Table) (*format.Spool, [32]byte, error) {
	var none [32]byte
	s, err := o.cache.spool(o.seals.recipients(format.KindIndex))
	if err != nil {
		return nil, none, err
	}
	hash, err := o.codec.WriteSegment(s, packs, entries, merged)
	if err != nil {
		s.Close()
		return nil, none, fmt.Errorf("make an index segment: %w", err)
	}
	return s, hash, nil
}
