package imaprestore

import (
	"context"
	"fmt"

	"github.com/mailstrata/mailstrata/imap/internal/fingerprint"
	"github.com/mailstrata/mailstrata/restore"
)

// candidates are the existing messages that could be copies of wanted ones: those of the same size, and those of the
// same date whose size other line ends can explain. Each is held once, even if it could be a copy of several.
type candidates struct {
	bySize, byDate map[int64][]*existing // of the wanted sizes and dates
	all            []*existing           // by UID
}

// maxPairs is how many pairs of a wanted and an existing message are compared at once. A mailbox with more pairs has
// thousands of messages of one size with the same header.
const maxPairs = 4 << 20

// candidates returns the existing messages that could be copies of the wanted ones at the indices.
func (f *inventory) candidates(wanted []restore.Wanted, indices []int) *candidates {
	n := &candidates{bySize: map[int64][]*existing{}, byDate: map[int64][]*existing{}}
	for _, i := range indices {
		n.bySize[wanted[i].Size], n.byDate[wanted[i].Internal.Seconds] = nil, nil
	}
	for _, p := range f.unjournaled {
		if p.used {
			continue
		}
		if list, ok := n.bySize[p.size]; ok {
			n.bySize[p.size] = append(list, p)
		}
		if list, ok := n.byDate[p.date]; ok {
			n.byDate[p.date] = append(list, p)
		}
	}
	n.all = n.union(wanted, indices)
	return n
}

// union returns each candidate once, by UID.
func (n *candidates) union(wanted []restore.Wanted, indices []int) []*existing {
	type kind struct{ size, instant int64 }
	kinds, near := map[kind]bool{}, map[int][]*existing{}
	for _, i := range indices {
		k := kind{wanted[i].Size, wanted[i].Internal.Seconds}
		if kinds[k] {
			continue
		}
		kinds[k] = true
		for _, p := range n.byDate[k.instant] {
			if sizeMayDiffer(p, k.size) {
				near[0] = append(near[0], p)
			}
		}
	}
	for _, list := range n.bySize {
		near[len(near)+1] = list
	}
	return flatten(near)
}

// sizeMayDiffer reports whether p has another size, and other line ends can explain it.
func sizeMayDiffer(p *existing, size int64) bool {
	return p.size != size && p.size+fingerprint.AddedLine >= size/2 && p.size <= 2*size+fingerprint.AddedLine
}

// withHeaders returns, for each wanted message, the candidates whose headers match too. Wanted messages with the same
// size, date and header share a list.
func (n *candidates) withHeaders(ctx context.Context, wanted []restore.Wanted,
	indices []int) (map[int][]*existing, error) {
	type kind struct {
		size, instant int64
		header        fingerprint.Digest
	}
	lists, near, pairs := map[kind][]*existing{}, map[int][]*existing{}, 0
	for _, i := range indices {
		w := &wanted[i]
		if len(n.bySize[w.Size])+len(n.byDate[w.Internal.Seconds]) == 0 {
			continue
		}
		k := kind{size: w.Size, instant: w.Internal.Seconds}
		if w.Header != nil {
			header, err := w.Header(ctx)
			if err != nil {
				return nil, err
			}
			if len(header) > 0 { // without a header, or with one too long to be a part of its own, the body decides
				k.header = fingerprint.OfHeader(header)
			}
		}
		list, done := lists[k]
		if !done {
			list = n.withHeader(k.size, k.instant, k.header)
			lists[k] = list
			pairs += len(list)
		}
		if pairs > maxPairs {
			return nil, fmt.Errorf("more than %d pairs of a message to restore and one that is there have the same size "+
				"and header; restore into another mailbox (--prefix)", maxPairs)
		}
		near[i] = list
	}
	return near, nil
}

// withHeader returns the candidates of a size or a date whose header is this one, or unknown.
func (n *candidates) withHeader(size, instant int64, header fingerprint.Digest) (list []*existing) {
	could := func(p *existing) bool {
		known := p.known().header
		return header == fingerprint.Digest{} || known == fingerprint.Digest{} || known == header
	}
	for _, p := range n.bySize[size] {
		if could(p) {
			list = append(list, p)
		}
	}
	for _, p := range n.byDate[instant] {
		if sizeMayDiffer(p, size) && could(p) {
			list = append(list, p)
		}
	}
	return list
}
