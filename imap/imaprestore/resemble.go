package imaprestore

import (
	"context"
	"io"
	"slices"

	"github.com/mailstrata/mailstrata/imap/imapclient"
	"github.com/mailstrata/mailstrata/internal/canonical"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

var _ restore.SimilarFinder = (*folder)(nil)

// MissingSimilar implements restore.SimilarFinder.
func (f *folder) MissingSimilar(ctx context.Context, wanted []restore.Message) ([]int, error) {
	if err := f.acquire(ctx); err != nil {
		return nil, err
	}
	defer f.release()
	copies := make([]mail.UID, len(wanted))
	if err := f.resemble(ctx, wanted, copies); err != nil {
		return nil, f.checkLoss(ctx, err)
	}
	f.matched, f.compared = copies, make([]bool, len(copies))
	var missing []int
	for i, uid := range copies {
		if f.compared[i] = true; uid == 0 {
			missing = append(missing, i)
		}
	}
	return missing, nil
}

// resemble finds copies that match has not found, whose bytes differ: servers re-encode bodies, and
// remove and add header fields. INTERNALDATE must be the same, and so must what package canonical
// compares. It comes last, so that no message is taken for another one that has a copy of its own.
func (inv *inventory) resemble(ctx context.Context, wanted []restore.Message, copies []mail.UID) error {
	return inv.retry(ctx, func() error { return inv.resembleOnce(ctx, wanted, copies) })
}

func (inv *inventory) resembleOnce(ctx context.Context, wanted []restore.Message, copies []mail.UID) error {
	dated := map[int64][]*existing{} // of the wanted dates
	for i := range wanted {
		dated[wanted[i].Internal.Seconds] = nil
	}
	for _, p := range inv.unjournaled {
		if list, ok := dated[p.date]; ok && !p.used {
			dated[p.date] = append(list, p)
		}
	}
	var left []int
	for i := range wanted {
		w := &wanted[i]
		if copies[i] == 0 && w.Header != nil && w.Internal.IsReadable() && len(dated[w.Internal.Seconds]) > 0 {
			left = append(left, i)
		}
	}
	seconds := map[int64]bool{}
	var candidates []*existing
	for _, i := range left {
		if at := wanted[i].Internal.Seconds; !seconds[at] {
			seconds[at] = true
			candidates = append(candidates, dated[at]...)
		}
	}
	slices.SortFunc(candidates, byUID)
	if err := inv.readHeaders(ctx, candidates); err != nil {
		return err
	}
	type sameHeader struct {
		instant int64
		key     canonical.Key
	}
	alike := map[sameHeader][]*existing{}
	for _, p := range candidates {
		if same := (sameHeader{p.date, p.known().key}); same.key != (canonical.Key{}) {
			alike[same] = append(alike[same], p)
		}
	}
	if len(alike) == 0 {
		return nil
	}
	near := map[int][]*existing{}
	for _, i := range left {
		header, err := wanted[i].Header(ctx)
		if err != nil {
			return err
		}
		if list := alike[sameHeader{wanted[i].Internal.Seconds, canonical.HeaderKey(header)}]; len(list) > 0 {
			near[i] = list
		}
	}
	return inv.resembleBodies(ctx, wanted, left, near, copies)
}

// resembleBodies compares the bodies of messages with matching headers.
func (inv *inventory) resembleBodies(ctx context.Context, wanted []restore.Message, left []int,
	near map[int][]*existing, copies []mail.UID) error {
	there, err := inv.canonicalDigests(ctx, flatten(near))
	if err != nil {
		return err
	}
	for _, i := range left {
		if len(near[i]) == 0 {
			continue
		}
		mine := canonical.NewDigester()
		if err := wanted[i].Body.WriteTo(ctx, mine); err != nil {
			if ctx.Err() != nil {
				return err
			}
			continue // damaged: Append reports it
		}
		sum := mine.Sum()
		same := slices.IndexFunc(near[i], func(p *existing) bool { return !p.used && there[p.uid].Same(sum) })
		if same >= 0 {
			near[i][same].used = true
			copies[i] = near[i][same].uid
		}
	}
	return nil
}

// canonicalDigests returns the digests of existing messages.
func (inv *inventory) canonicalDigests(ctx context.Context, list []*existing) (map[mail.UID]canonical.Digest, error) {
	digests := map[mail.UID]canonical.Digest{}
	ask, _ := notRead(list, func(p *existing) (bool, int64) { return false, p.size })
	err := inv.readEach(ctx, (*imapclient.Mailbox).Bodies, ask, func(uid mail.UID, text io.Reader) error {
		d := canonical.NewDigester()
		_, err := io.Copy(d, text)
		if err == nil {
			digests[uid] = d.Sum()
		}
		return err
	})
	return digests, err
}
