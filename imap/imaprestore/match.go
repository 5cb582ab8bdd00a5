package imaprestore

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/mailstrata/mailstrata/imap/imapclient"
	"github.com/mailstrata/mailstrata/imap/internal/fingerprint"
	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/internal/canonical"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// Missing returns the indices of the messages that are not there.
func (f *folder) Missing(ctx context.Context, wanted []restore.Message) ([]int, error) {
	if err := f.acquire(ctx); err != nil {
		return nil, err
	}
	defer f.release()
	copies, err := f.match(ctx, wanted)
	if err != nil {
		return nil, f.checkLoss(ctx, err)
	}
	f.matched = copies
	var missing []int
	for i := range wanted {
		if copies[i] == 0 {
			missing = append(missing, i)
		}
	}
	return missing, nil
}

// match finds a copy of each message among the existing ones, a different one for each; 0 means
// none. The journal knows some. The others are compared by size and date, then by header, and what
// is left by all bytes. Messages that a server changed more than that are left to MissingSimilar.
func (inv *inventory) match(ctx context.Context, wanted []restore.Message) ([]mail.UID, error) {
	copies := make([]mail.UID, len(wanted))
	inv.compared = make([]bool, len(wanted))
	var missing []int
	for i := range wanted {
		if known := inv.recorded[wanted[i].Hash]; len(known) > 0 {
			copies[i], inv.recorded[wanted[i].Hash] = known[0], known[1:]
			continue
		}
		missing = append(missing, i)
		inv.compared[i] = true
	}
	if len(missing) == 0 || len(inv.unjournaled) == 0 {
		return copies, nil
	}
	return copies, inv.retry(ctx, func() error { return inv.compare(ctx, wanted, missing, copies) })
}

// compare finds copies of the messages at the given indices.
func (inv *inventory) compare(ctx context.Context, wanted []restore.Message, indices []int, copies []mail.UID) error {
	n := inv.candidates(wanted, indices)
	if err := inv.readHeaders(ctx, n.all); err != nil {
		return err
	}
	near, err := n.withHeaders(ctx, wanted, indices)
	if err != nil {
		return fmt.Errorf("mailbox %s: %w", wire.PrintableName(inv.place.Name), err)
	}
	if err := inv.readBodies(ctx, flatten(near)); err != nil {
		return err
	}
	mine := map[int]fingerprint.Fingerprint{}
	for _, i := range indices {
		if len(near[i]) == 0 {
			continue
		}
		like, err := fingerprint.Of(func(w io.Writer) error { return wanted[i].Body.WriteTo(ctx, w) })
		if err == nil {
			mine[i] = like
		} else if ctx.Err() != nil {
			return err
		} // damaged: Append reports it
	}
	// Among equal copies, the one with the message's date comes first: the other may be the copy of
	// a less similar message.
	for _, alike := range fingerprint.Levels {
		for _, dated := range []bool{true, false} {
			for _, i := range indices {
				like, readable := mine[i]
				if !readable || copies[i] != 0 {
					continue
				}
				same := slices.IndexFunc(near[i], func(p *existing) bool {
					return !p.used && p.hasBody && alike(p.known().Fingerprint, like) &&
						(!dated || p.date == wanted[i].Internal.Seconds)
				})
				if same >= 0 {
					near[i][same].used = true
					copies[i] = near[i][same].uid
				}
			}
		}
	}
	return nil
}

func flatten(near map[int][]*existing) []*existing {
	seen := map[mail.UID]bool{}
	var all []*existing
	for _, list := range near {
		for _, p := range list {
			if !seen[p.uid] {
				seen[p.uid] = true
				all = append(all, p)
			}
		}
	}
	slices.SortFunc(all, byUID)
	return all
}

func byUID(a, b *existing) int { return cmp.Compare(a.uid, b.uid) }

// readHeaders reads the headers of messages that are not read yet.
func (inv *inventory) readHeaders(ctx context.Context, list []*existing) error {
	const usual = 4 << 10
	ask, byUID := notRead(list, func(p *existing) (bool, int64) { return p.hasHeader, usual })
	return inv.readEach(ctx, (*imapclient.Mailbox).Headers, ask, func(uid mail.UID, text io.Reader) error {
		var header bytes.Buffer
		if _, err := io.CopyN(&header, text, 2*fingerprint.HeaderLimit); err != nil && err != io.EOF {
			return err
		}
		p := byUID[uid]
		p.hasHeader = true
		if len(bytes.TrimSpace(header.Bytes())) > 0 { // mox returns none if the header has no end
			p.record().header, p.record().key = fingerprint.OfHeader(header.Bytes()), canonical.HeaderKey(header.Bytes())
		}
		_, err := io.Copy(io.Discard, text)
		return err
	})
}

// readBodies reads the bodies of messages that are not read yet.
func (inv *inventory) readBodies(ctx context.Context, list []*existing) error {
	ask, byUID := notRead(list, func(p *existing) (bool, int64) { return p.hasBody, p.size })
	return inv.readEach(ctx, (*imapclient.Mailbox).Bodies, ask, func(uid mail.UID, text io.Reader) error {
		like, err := fingerprint.Of(func(w io.Writer) error {
			_, err := io.Copy(w, text)
			return err
		})
		byUID[uid].record().Fingerprint, byUID[uid].hasBody = like, err == nil
		return err
	})
}

func notRead(list []*existing, known func(*existing) (bool, int64)) ([]mail.Message, map[mail.UID]*existing) {
	var ask []mail.Message
	byUID := map[mail.UID]*existing{}
	for _, p := range list {
		byUID[p.uid] = p
		if done, size := known(p); !done {
			ask = append(ask, mail.Message{UID: p.uid, Size: size})
		}
	}
	return ask, byUID
}

// candidates are the existing messages that could be copies of wanted ones: those of the same size,
// and those of the same date whose size other line ends can explain. Each is held once, even if it
// could be a copy of several.
type candidates struct {
	bySize, byDate map[int64][]*existing // of the wanted sizes and dates
	all            []*existing           // by UID
}

// maxPairs is how many pairs of a wanted and an existing message are compared at once. A mailbox
// with more pairs has thousands of messages of one size with the same header.
const maxPairs = 4 << 20

// candidates returns the existing messages that could be copies of the wanted ones at the indices.
func (inv *inventory) candidates(wanted []restore.Message, indices []int) *candidates {
	n := &candidates{bySize: map[int64][]*existing{}, byDate: map[int64][]*existing{}}
	for _, i := range indices {
		n.bySize[wanted[i].Size], n.byDate[wanted[i].Internal.Seconds] = nil, nil
	}
	for _, p := range inv.unjournaled {
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
func (n *candidates) union(wanted []restore.Message, indices []int) []*existing {
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

// withHeaders returns, for each wanted message, the candidates whose headers match too. Wanted
// messages with the same size, date and header share a list.
func (n *candidates) withHeaders(ctx context.Context, wanted []restore.Message,
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
