package textindex

import (
	"context"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

const keptMail = repo.KeptMail

// place is where a message is to be read: a manifest, a mailbox and a UID.
type place struct {
	hash  chunk.ID
	night liveNight // the newest that has it
	first liveNight // the oldest
	box   *mailbox
	uid   mail.UID

	// of a search in all manifests: those of the account, and where among them the message is
	nights []liveNight
	in     []interval
}

// fitting returns the stays in mailboxes that are searched whose size and date fit.
func (x *Index) fitting(s *Search, stays []stay) []stay {
	fits := stays[:0]
	for _, st := range stays {
		r := manifest.Record{Size: st.size}
		if st.date == noDate {
			r.Internal.Raw = "none" // cannot be read
		} else {
			r.Internal.Seconds = st.date
		}
		if s.Query.FitsRecord(&r) {
			fits = append(fits, st)
		}
	}
	return fits
}

// locator reads the messages at places.
type locator struct {
	search *Search
	open   func(context.Context, liveNight) (*archive.Contents, error)
	one    bool // a search in one manifest, whose hits have neither First nor Last

	opened map[string]*archive.Contents
	whole  map[string]bool // of manifests that were asked for: they are complete
}

// mailboxPlaces are places of one mailbox of one manifest.
type mailboxPlaces struct {
	night  liveNight
	box    *mailbox
	uids   mail.UIDSet
	hashes map[mail.UID]chunk.ID
}

// located is what was read of the places of a mailbox.
type located struct {
	contents *archive.Contents
	matches  map[mail.UID]search.Match
	damage   []error
}

// mailboxesAtOnce is how many mailboxes are read at once.
const mailboxesAtOnce = 16

// yieldAll yields the messages at places that match, in the order of the places. It reports whether
// to go on.
func (l *locator) yieldAll(ctx context.Context, places []place, yield func(*search.Hit, error) bool) bool {
	type key struct {
		night uint64
		box   *mailbox
	}
	groups := make(map[key]*mailboxPlaces)
	var order []*mailboxPlaces
	number := make(map[*mailboxPlaces]int)
	of := make([]int, len(places)) // the group of each place
	for i := range places {
		p := &places[i]
		g := groups[key{p.night.number, p.box}]
		if g == nil {
			g = &mailboxPlaces{night: p.night, box: p.box, hashes: make(map[mail.UID]chunk.ID)}
			groups[key{p.night.number, p.box}] = g
			number[g] = len(order)
			order = append(order, g)
		}
		g.uids.Add(p.uid)
		g.hashes[p.uid] = p.hash
		of[i] = number[g]
	}
	if err := l.openAll(ctx, order); err != nil {
		yieldDamage(ctx, yield, err)
		return false
	}
	var read []located
	for found, err := range inorder.Map(ctx, mailboxesAtOnce, inorder.Slice(order), l.read) {
		if err != nil {
			yield(nil, err)
			return false
		}
		for _, err := range found.damage {
			if !yield(nil, err) {
				return false
			}
		}
		read = append(read, found)
	}
	for i := range places {
		p, found := &places[i], &read[of[i]]
		match, ok := found.matches[p.uid]
		if !ok {
			continue
		}
		hit := &search.Hit{Match: match, Contents: found.contents}
		if !l.one {
			hit.First, hit.Last, hit.Absent = p.first.head, p.night.head, l.absent(ctx, p)
		}
		if !yield(hit, nil) {
			return false
		}
	}
	return true
}

func yieldDamage(ctx context.Context, yield func(*search.Hit, error) bool, err error) {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	yield(nil, err)
}

// maxOpened bounds the manifests that are kept open.
const maxOpened = 256

// openAll opens the manifests of groups. One that cannot be read is reported when its group is
// read.
func (l *locator) openAll(ctx context.Context, groups []*mailboxPlaces) error {
	if l.opened == nil || len(l.opened) > maxOpened {
		l.opened = make(map[string]*archive.Contents)
	}
	var nights []liveNight
	for _, g := range groups {
		if name := g.night.head.Name; l.opened[name] == nil {
			l.opened[name] = new(archive.Contents) // marks it as listed
			nights = append(nights, g.night)
		}
	}
	type result struct {
		name     string
		contents *archive.Contents
	}
	open := func(ctx context.Context, n liveNight) (result, error) {
		c, err := l.open(ctx, n)
		if err != nil {
			return result{n.head.Name, nil}, archive.UnlessDamage(err)
		}
		return result{n.head.Name, c}, nil
	}
	for r, err := range inorder.Map(ctx, mailboxesAtOnce, inorder.Slice(nights), open) {
		if err != nil {
			return err
		}
		l.opened[r.name] = r.contents
	}
	return nil
}

// read reads the messages of a group.
func (l *locator) read(ctx context.Context, g *mailboxPlaces) (found located, err error) {
	found.matches = make(map[mail.UID]search.Match)
	damaged := func(err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if archive.IsDamage(err) {
			found.damage = append(found.damage, err)
		}
		return archive.UnlessDamage(err)
	}
	c := l.opened[g.night.head.Name]
	if c == nil {
		_, err := l.open(ctx, g.night)
		return found, damaged(err)
	}
	found.contents = c
	mailbox, err := c.Mailbox(ctx, g.box.Raw)
	if err != nil {
		return found, damaged(err)
	}
	if !l.search.wants(&mailbox.Mailbox) {
		return found, nil
	}
	for match, err := range search.FindIn(ctx, c, mailbox, l.search.Query, g.uids) {
		if err != nil {
			if err := damaged(err); err != nil {
				return found, err
			}
			continue
		}
		if match.Entry.Hash == g.hashes[match.Entry.UID] {
			found.matches[match.Entry.UID] = match
		}
	}
	return found, nil
}

// absent counts the complete manifests between the first and the last of a place that do not have
// the message.
func (l *locator) absent(ctx context.Context, p *place) (n int) {
	for _, in := range gaps(p.in) {
		for _, night := range p.nights[in.from:in.to] {
			if l.isWhole(ctx, night) {
				n++
			}
		}
	}
	return n
}

// isWhole reports whether a manifest has all messages that its account had.
func (l *locator) isWhole(ctx context.Context, night liveNight) bool {
	whole, known := l.whole[night.head.Name]
	if !known {
		c, err := l.open(ctx, night)
		whole = err == nil && c.Manifest.State == manifest.Complete && c.Manifest.Totals.Failures == 0
		if l.whole == nil {
			l.whole = make(map[string]bool)
		}
		l.whole[night.head.Name] = whole
	}
	return whole
}
