package imap

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/mail"
)

// attributes are what a FETCH response told of a message.
type attributes uint8

const (
	hasFlags attributes = 1 << iota
	hasDate
	hasSize
	hasLabels
)

// modSeq reports whether the mailbox has mod-sequences (RFC 7162 section 3.1.2).
func (m *Mailbox) modSeq() bool { return m.status.HighestModSeq > 0 }

// fetchItems are the attributes asked of every message: what there is to know, but neither ENVELOPE nor BODYSTRUCTURE,
// which servers get wrong and which the body tells anyway.
func (c *Client) fetchItems(modSeq bool) string {
	items := "UID FLAGS INTERNALDATE RFC822.SIZE"
	if modSeq && !c.plain { // a mailbox without mod-sequences answers BAD to it (RFC 7162 section 3.1.2.2)
		items += " MODSEQ"
	}
	for _, extra := range c.extraItems() {
		items += " " + extra
	}
	return items
}

func (c *Client) extraItems() (items []string) {
	if c.plain {
		return nil
	}
	if c.caps.has("OBJECTID") {
		items = append(items, "EMAILID", "THREADID")
	}
	if c.caps.has("SAVEDATE") {
		items = append(items, "SAVEDATE")
	}
	if c.IsGmail() {
		items = append(items, "X-GM-MSGID", "X-GM-THRID", "X-GM-LABELS")
	}
	if c.is("Dovecot") { // which has no capability for it
		items = append(items, "X-GUID")
	}
	return items
}

// Messages fetches all but the bodies of every message of the range.
func (m *Mailbox) Messages(ctx context.Context, uids mail.UIDRange) iter.Seq2[mail.Message, error] {
	return m.fetch(ctx, uids, hasFlags|hasDate|hasSize|hasLabels, m.c.fetchItems, "")
}

// Flags fetches what can change of every message of the range.
func (m *Mailbox) Flags(ctx context.Context, uids mail.UIDRange) iter.Seq2[mail.Message, error] {
	return m.fetch(ctx, uids, hasFlags|hasLabels, m.c.flagItems, "")
}

// Facts fetches what can change of every message of the range, and also its size and date.
func (m *Mailbox) Facts(ctx context.Context, uids mail.UIDRange) iter.Seq2[mail.Message, error] {
	items := func(modSeq bool) string { return m.c.flagItems(modSeq) + " INTERNALDATE RFC822.SIZE" }
	return m.fetch(ctx, uids, hasFlags|hasDate|hasSize|hasLabels, items, "")
}

// fetch yields each message of the range as soon as it has what is needed; labels are needed where the server has them.
// items returns the attributes to ask for. There are fewer of them, and fetch asks again, once the server has answered BAD.
// modifier is one of FETCH, such as (CHANGEDSINCE 70); a refusal of it is final.
func (m *Mailbox) fetch(ctx context.Context, uids mail.UIDRange, need attributes, items func(modSeq bool) string, modifier string) iter.Seq2[mail.Message, error] {
	return func(yield func(mail.Message, error) bool) {
		need := need
		if !m.c.IsGmail() || m.c.plain {
			need &^= hasLabels
		}
		modSeq := m.modSeq() || modifier != ""
		g := newGatherer(m, uids, need, yield)
		err := g.fetch(ctx, items(modSeq), modifier)
		if modifier == "" && g.isUnknown(err) {
			err = g.fetch(ctx, items(modSeq), "")
		}
		g.end(err)
	}
}

func (c *Client) flagItems(modSeq bool) string {
	items := "UID FLAGS"
	if modSeq && !c.plain {
		items += " MODSEQ"
	}
	if c.IsGmail() && !c.plain {
		items += " X-GM-LABELS"
	}
	return items
}

// isUnknown: the server answered BAD before it told anything. So do some that do not know what they offer; they are asked
// for attributes of extensions no more.
func (g *gatherer) isUnknown(err error) bool {
	var refused *Error
	if !errors.As(err, &refused) || refused.Status != "BAD" || refused.temporary() || g.given.Set().Len() > 0 || g.m.c.plain {
		return false
	}
	g.m.c.plain = true
	g.need &^= hasLabels
	return true
}

// gatherer puts messages together from FETCH responses: a server may answer for one message in pieces, and tells
// unasked of flags that others change meanwhile. Each message is given once, as soon as it is whole.
type gatherer struct {
	m     *Mailbox
	uids  mail.UIDRange
	need  attributes
	yield func(mail.Message, error) bool

	given   wire.UIDCollector
	held    int64 // memory of flags, beyond what is usual for the messages given
	pieces  map[mail.UID]*piece
	order   []mail.UID        // of the pieces, the oldest first
	unnamed map[uint64]*piece // by number: what was told before the UID
	stopped bool              // nobody wants more: what comes still answers nothing
}

type piece struct {
	mail.Message
	has attributes
}

// maxPieces bounds the messages held for a missing attribute; the oldest is then given as it is.
const maxPieces = 1000

func newGatherer(m *Mailbox, uids mail.UIDRange, need attributes, yield func(mail.Message, error) bool) *gatherer {
	return &gatherer{m: m, uids: uids, need: need, yield: yield, pieces: map[mail.UID]*piece{}, unnamed: map[uint64]*piece{}}
}

func (g *gatherer) fetch(ctx context.Context, items, modifier string) error {
	if g.uids.Len() == 0 {
		return nil
	}
	cmd := newCommand("UID FETCH").raw(" " + setOf(g.uids).String() + " (" + items + ")" + modifier)
	cmd.data = g.take
	err := g.m.c.do(ctx, cmd)
	if expungeIssued(err) {
		return nil
	}
	return err
}

// expungeIssued: a NO that only says that some messages are gone, as one learns anyway (RFC 5530).
func expungeIssued(err error) bool {
	var refused *Error
	return errors.As(err, &refused) && refused.Code == "EXPUNGEISSUED"
}

func setOf(r mail.UIDRange) (s mail.UIDSet) {
	s.AddRange(r)
	return s
}

func (g *gatherer) take(resp *wire.Response) (bool, error) {
	if resp.Name == "EXPUNGE" {
		clear(g.unnamed) // the messages after it have new numbers
	}
	if resp.Name != "FETCH" || len(resp.Args) == 0 {
		return false, nil
	}
	pairs := resp.Args[0].List
	uid, ok := g.m.uidOf(resp)
	if !ok {
		return g.keep(resp.Number, pairs)
	}
	if !g.uids.Contains(uid) || g.given.Contains(uid) {
		return false, nil
	}
	if len(g.pieces) == 0 && len(g.unnamed) == 0 { // the common case: whole in one response
		p := piece{Message: mail.Message{UID: uid, Size: -1}}
		if err := g.read(&p, pairs); err != nil || p.has&g.need == g.need {
			return !g.stopped, errors.Join(err, g.give(p.Message))
		}
	}
	p := g.pieces[uid]
	if p == nil {
		p = cmp.Or(g.unnamed[resp.Number], &piece{Message: mail.Message{Size: -1}})
		delete(g.unnamed, resp.Number)
		p.UID = uid
		g.pieces[uid] = p
		g.order = append(g.order, uid)
	}
	before := p.has
	if err := g.read(p, pairs); err != nil {
		return false, err
	}
	if p.has&g.need == g.need {
		delete(g.pieces, uid)
		return !g.stopped, g.give(p.Message)
	}
	for len(g.order) > maxPieces {
		if err := g.giveOldest(); err != nil {
			return false, err
		}
	}
	return p.has != before, nil
}

// read takes what belongs to a message, and counts the memory that it takes.
func (g *gatherer) read(p *piece, pairs []wire.Node) error {
	g.held += int64(p.read(pairs, &g.m.c.flags))
	if g.held > maxAttributes {
		return wire.Flood("more than %d MiB of flags", maxAttributes>>20)
	}
	return nil
}

// keep holds what is told of a message before its UID is.
func (g *gatherer) keep(number uint64, pairs []wire.Node) (taken bool, err error) {
	p := g.unnamed[number]
	if p == nil {
		if len(g.unnamed) == maxPieces {
			return false, nil
		}
		p = &piece{Message: mail.Message{Size: -1}}
		g.unnamed[number] = p
	}
	before := p.has
	return p.has != before, g.read(p, pairs)
}

func (g *gatherer) giveOldest() error {
	p := g.pieces[g.order[0]]
	delete(g.pieces, g.order[0])
	g.order = g.order[1:]
	if p == nil {
		return nil
	}
	if g.need&hasDate != 0 && p.has&hasDate == 0 {
		p.Internal = mail.ParseDate("NIL")
	}
	return g.give(p.Message)
}

func (g *gatherer) give(m mail.Message) error {
	if !g.stopped {
		g.stopped = !g.yield(m, nil)
	}
	return g.given.Add(mail.UIDRange{First: m.UID, Last: m.UID})
}

// end gives what is left, with what is known of it, and the error.
func (g *gatherer) end(err error) {
	for len(g.order) > 0 && g.m.c.dead == nil {
		if flooded := g.giveOldest(); flooded != nil {
			err = flooded
			break
		}
	}
	if err != nil && !g.stopped {
		g.yield(mail.Message{}, err)
	}
}

// uidOf tells the message of a FETCH response: by the UID in it, or else by the one told for its number before.
func (m *Mailbox) uidOf(resp *wire.Response) (mail.UID, bool) {
	if n, found := wire.Attribute(resp.Args[0].List, "UID"); found {
		v, ok := n.Number()
		uid, valid := wire.ToUID(v)
		if !ok || !valid {
			return 0, false
		}
		if len(m.uids) >= maxPieces {
			clear(m.uids)
		}
		m.uids[resp.Number] = uid
		return uid, true
	}
	uid, ok := m.uids[resp.Number]
	return uid, ok
}

// read takes from the pairs of a FETCH response what belongs to a message. It returns how much memory that takes,
// beyond what is usual.
func (p *piece) read(pairs []wire.Node, cache *flagCache) (unusual int) {
	for i := 0; i+1 < len(pairs); i += 2 {
		name, value := pairs[i], pairs[i+1]
		switch {
		case name.Is("FLAGS"):
			var fresh int
			p.Flags, fresh = cache.read(value)
			unusual += max(0, fresh-usualAttributes)
			p.has |= hasFlags
		case name.Is("INTERNALDATE"): // nothing, or NIL, is kept as what it is, no date: the zero Date is one of 1970
			p.Internal = mail.ParseDate(cmp.Or(clipped(value), "NIL"))
			p.has |= hasDate
		case name.Is("RFC822.SIZE"):
			if v, ok := value.Number(); ok {
				p.Size = int64(min(v, 1<<62))
			}
			p.has |= hasSize
		case name.Is("MODSEQ"):
			if len(value.List) > 0 {
				p.ModSeq, _ = value.List[0].Number()
			}
		case name.Is("SAVEDATE"):
			if value.IsText() {
				p.Saved = mail.ParseDate(clipped(value))
			}
		case name.Is("X-GM-LABELS"):
			p.Labels = value.Words()
			unusual += max(0, memoryOf(p.Labels)-usualAttributes)
			slices.Sort(p.Labels)
			p.Labels = slices.Compact(p.Labels)
			p.has |= hasLabels
		default:
			readID(&p.IDs, name, value)
		}
	}
	return unusual
}

// clipped cuts a text to the length that the archive keeps.
func clipped(n wire.Node) string { return string(n.Text[:min(len(n.Text), maxServerID)]) }

func readID(ids *mail.IDs, name, value wire.Node) {
	switch {
	case name.Is("EMAILID"):
		ids.Email = objectID(value)
	case name.Is("THREADID"):
		ids.Thread = objectID(value)
	case name.Is("X-GUID"):
		ids.XGUID = objectID(value)
	case name.Is("X-GM-MSGID"):
		ids.GMMsg = objectID(value)
	case name.Is("X-GM-THRID"):
		ids.GMThread = objectID(value)
	}
}

// flagCache holds the sets of flags that messages had, by how they were written: most messages of a mailbox have one of a few.
type flagCache struct {
	sets    map[string]mail.Flags
	scratch []byte
}

const (
	maxFlagSets = 1000
	maxFlagSet  = 1 << 10 // bytes of one that is kept
)

// read reads flags, and returns how much memory they take that earlier ones did not.
func (c *flagCache) read(list wire.Node) (flags mail.Flags, fresh int) {
	c.scratch = list.AppendTo(c.scratch[:0])
	if flags, known := c.sets[string(c.scratch)]; known {
		return flags, 0
	}
	words := list.Words()
	flags, fresh = mail.NewFlags(words...), memoryOf(words)
	if len(c.scratch) > maxFlagSet {
		c.scratch = nil
		return flags, fresh
	}
	if c.sets == nil || len(c.sets) >= maxFlagSets {
		c.sets = map[string]mail.Flags{}
	}
	c.sets[string(c.scratch)] = flags
	return flags, fresh
}

// Overview fetches of every message of the range what messages are told apart by at first.
func (m *Mailbox) Overview(ctx context.Context, uids mail.UIDRange) iter.Seq2[mail.Message, error] {
	return func(yield func(mail.Message, error) bool) {
		g := newGatherer(m, uids, hasFlags|hasDate|hasSize, yield)
		g.end(g.fetch(ctx, "UID FLAGS INTERNALDATE RFC822.SIZE", ""))
	}
}
