package imapclient

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/mail"
)

// collector assembles messages from FETCH responses. A server may answer for one message in several
// responses, and reports flags that others change meanwhile (RFC 9051 section 7.5.2). Each message
// is delivered once, as soon as it is complete.
type collector struct {
	m     *Mailbox
	uids  mail.UIDRange
	need  attributes
	whole bool // only messages that have what is needed are delivered
	yield func(mail.Message, error) bool

	delivered  wire.UIDCollector
	memory     int64 // of flags, beyond what is usual for the messages delivered
	partials   map[mail.UID]*partial
	order      []mail.UID          // of partials, the oldest first
	withoutUID map[uint64]*partial // by sequence number: what came before the UID
	stopped    bool                // the caller wants no more: what still comes answers nothing
}

type partial struct {
	mail.Message
	has attributes
}

// maxPartials bounds the messages that wait for an attribute; the oldest is then delivered as it
// is, or left out.
const maxPartials = 1000

func newCollector(m *Mailbox, uids mail.UIDRange, need attributes, yield func(mail.Message, error) bool) *collector {
	return &collector{m: m, uids: uids, need: need, yield: yield, partials: map[mail.UID]*partial{},
		withoutUID: map[uint64]*partial{}}
}

// refusesExtensions reports whether the server answered BAD before it returned any message, as some
// do that do not support what they offer. From then on the client asks for no attributes of
// extensions.
func (c *collector) refusesExtensions(err error) bool {
	var refused *imap.Error
	if !errors.As(err, &refused) || refused.Status != "BAD" || errors.Is(refused, mail.ErrTemporary) ||
		c.delivered.Set().Len() > 0 || c.m.c.plain {
		return false
	}
	c.m.c.plain = true
	c.need &^= hasLabels
	return true
}

func (c *collector) fetch(ctx context.Context, items, modifier string) error {
	if c.uids.Len() == 0 {
		return nil
	}
	err := c.m.c.Do(ctx, c.command(items, modifier))
	if expungeIssued(err) {
		return nil
	}
	return err
}

func (c *collector) command(items, modifier string) *imap.Command {
	cmd := imap.NewCommand("UID FETCH").Raw(" " + setOf(c.uids).String() + " (" + items + ")" + modifier)
	cmd.OnResponse = c.take
	return cmd
}

func (c *collector) take(resp *wire.Response) (bool, error) {
	if resp.Name == "EXPUNGE" {
		clear(c.withoutUID) // the messages after it have new numbers
	}
	if resp.Name != "FETCH" || len(resp.Args) == 0 {
		return false, nil
	}
	pairs := resp.Args[0].List
	uid, ok := c.m.uidOf(resp)
	if !ok {
		return c.keepUnnamed(resp.Number, pairs)
	}
	if !c.uids.Contains(uid) || c.delivered.Contains(uid) {
		return false, nil
	}
	if len(c.partials) == 0 && len(c.withoutUID) == 0 { // the common case: complete in one response
		p := partial{Message: mail.Message{UID: uid, Size: -1}}
		if err := c.read(&p, pairs); err != nil || p.has&c.need == c.need {
			return !c.stopped, errors.Join(err, c.deliver(p.Message))
		}
	}
	p := c.partials[uid]
	if p == nil {
		p = cmp.Or(c.withoutUID[resp.Number], &partial{Message: mail.Message{Size: -1}})
		delete(c.withoutUID, resp.Number)
		p.UID = uid
		c.partials[uid] = p
		c.order = append(c.order, uid)
	}
	before := p.has
	if err := c.read(p, pairs); err != nil {
		return false, err
	}
	if p.has&c.need == c.need {
		delete(c.partials, uid)
		return !c.stopped, c.deliver(p.Message)
	}
	for len(c.order) > maxPartials {
		if err := c.deliverOldest(); err != nil {
			return false, err
		}
	}
	return p.has != before, nil
}

// read reads the attributes of a message, and counts their memory.
func (c *collector) read(p *partial, pairs []wire.Node) error {
	c.memory += int64(p.read(pairs, &c.m.c.flags))
	if c.memory > maxAttributes {
		return wire.Flood("more than %d MiB of flags", maxAttributes>>20)
	}
	return nil
}

// keepUnnamed holds what comes of a message before its UID.
func (c *collector) keepUnnamed(number uint64, pairs []wire.Node) (taken bool, err error) {
	p := c.withoutUID[number]
	if p == nil {
		if len(c.withoutUID) == maxPartials {
			return false, nil
		}
		p = &partial{Message: mail.Message{Size: -1}}
		c.withoutUID[number] = p
	}
	before := p.has
	err = c.read(p, pairs)
	return p.has != before, err
}

func (c *collector) deliverOldest() error {
	p := c.partials[c.order[0]]
	delete(c.partials, c.order[0])
	c.order = c.order[1:]
	if p == nil || c.whole && p.has&c.need != c.need {
		return nil
	}
	if c.need&hasDate != 0 && p.has&hasDate == 0 {
		p.Internal = mail.ParseDate("NIL")
	}
	return c.deliver(p.Message)
}

func (c *collector) deliver(m mail.Message) error {
	if !c.stopped {
		c.stopped = !c.yield(m, nil)
	}
	return c.delivered.Add(mail.UIDRange{First: m.UID, Last: m.UID})
}

// finish delivers the remaining messages as they are, or leaves them out, and delivers the error.
func (c *collector) finish(err error) {
	for len(c.order) > 0 && c.m.c.Alive() {
		if flooded := c.deliverOldest(); flooded != nil {
			err = flooded
			break
		}
	}
	if err != nil && !c.stopped {
		c.yield(mail.Message{}, err)
	}
}

// expungeIssued reports whether a NO only says that some messages are gone (RFC 5530 section 3).
func expungeIssued(err error) bool {
	var refused *imap.Error
	return errors.As(err, &refused) && refused.Code == "EXPUNGEISSUED"
}

func setOf(r mail.UIDRange) (s mail.UIDSet) {
	s.AddRange(r)
	return s
}

// read reads the attributes of a message from a FETCH response. It returns the memory that they
// take beyond what is usual.
func (p *partial) read(pairs []wire.Node, cache *flagCache) (unusual int) {
	for i := 0; i+1 < len(pairs); i += 2 {
		name, value := pairs[i], pairs[i+1]
		switch {
		case name.Is("FLAGS"):
			var fresh int
			p.Flags, fresh = cache.read(value)
			unusual += max(0, fresh-usualMemory)
			p.has |= hasFlags
		case name.Is("INTERNALDATE"): // nothing and NIL are kept as no date, because the zero Date is one of 1970
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
			unusual += max(0, memoryOf(p.Labels)-usualMemory)
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
func clipped(n wire.Node) string { return string(n.Text[:min(len(n.Text), maxServerText)]) }

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

// flagCache holds sets of flags, keyed by how the server wrote them: most messages of a mailbox
// have one of a few.
type flagCache struct {
	sets    map[string]mail.Flags
	scratch []byte
}

const (
	maxFlagSets = 1000
	maxFlagSet  = 1 << 10 // bytes of a set that is kept
)

// read reads flags, and returns the memory that they take beyond that of earlier ones.
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

// uidOf returns the UID of a FETCH response: the one in it, or the one that came with its sequence
// number before.
func (m *Mailbox) uidOf(resp *wire.Response) (mail.UID, bool) {
	if n, found := wire.Attribute(resp.Args[0].List, "UID"); found {
		v, ok := n.Number()
		uid, valid := wire.ToUID(v)
		if !ok || !valid {
			return 0, false
		}
		if len(m.uids) >= maxPartials {
			clear(m.uids)
		}
		m.uids[resp.Number] = uid
		return uid, true
	}
	uid, ok := m.uids[resp.Number]
	return uid, ok
}
