package repo

import (
	"fmt"
	"iter"
)

// writeSegment makes an index segment of packs and ascending entries, in a spool that the caller closes. merged has the inputs
// and proofs of a segment that replaces others.
func (r *Repo) writeSegment(packs []packRow, entries iter.Seq[entry], merged table) (*spool, [32]byte, error) {
	var none [32]byte
	s, err := r.cache.spool(r.seals.recipients(KindIndex))
	if err != nil {
		return nil, none, err
	}
	hash, err := r.codec.writeSegment(s, packs, entries, merged)
	if err != nil {
		s.close()
		return nil, none, fmt.Errorf("make an index segment: %w", err)
	}
	return s, hash, nil
}
