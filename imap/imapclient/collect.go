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
// is delivered once, as soon as it is complete. If something of it is missing at the end, it is
// asked for once more (again.go).
type collector struct {
	m     *Mailbox
	uids  mail.UIDRange
	need  attributes
	yield func(mail.Message, error) bool

	delivered  wire.UIDCollector
	memory     int64 // of flags, beyond what is usual for the messages delivered
	partials   map[mail.UID]*partial
	order      []mail.UID          // of partials, the oldest first
	withoutUID map[uint64]*partial // by sequence number: what came before the UID
	stopped    bool                // the caller wants no more: what still comes answers nothing

	asking   bool              // for the second time
	lacking  wire.UIDCollector // messages to ask for the second time, beside those in partials
	deferred int               // how many those are
}

type partial struct {
	mail.Message
	has attributes
}

// maxPartials bounds the messages that wait for an attribute. The oldest is then asked for once
// more, or delivered as it is.
const maxPartials = 1000

// maxDeferred bounds the messages to ask for once more. A server that gives more of them without an
// attribute does so always, or never ends. What the others lack is not known, and the next backup
// asks for it.
const maxDeferred = 10_000

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
	return c.do(ctx, c.command(setOf(c.uids), items, modifier))
}

// do waits for a command. That messages are gone is no error.
func (c *collector) do(ctx context.Context, cmd *imap.Command) error {
	err := c.m.c.Do(ctx, cmd)
	if expungeIssued(err) {
		return nil
	}
	return err
}

func (c *collector) command(uids mail.UIDSet, items, modifier string) *imap.Command {
	cmd := imap.NewCommand("UID FETCH").Raw(" " + uids.String() + " (" + items + ")" + modifier)
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
	if !c.uids.Contains(uid) || c.delivered.Contains(uid) || c.asking && !c.lacking.Contains(uid) {
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
	err := c.trim()
	return p.has != before && !c.stopped, err
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

// trim asks for the oldest incomplete messages once more if there are too many, or delivers them as
// they are.
func (c *collector) trim() error {
	most := maxPartials
	if c.asking {
		most *= 2 // those of the first answer, and those that are being asked for
	}
	for len(c.partials) > most {
		uid := c.order[0]
		p := c.partials[uid]
		if c.asking || p == nil || c.lacks(p) == 0 || c.deferred == maxDeferred {
			if err := c.deliverOldest(); err != nil {
				return err
			}
			continue
		}
		delete(c.partials, uid)
		c.order = c.order[1:]
		c.deferred++
		if err := c.lacking.Add(mail.UIDRange{First: uid, Last: uid}); err != nil {
			return err
		}
	}
	if len(c.order) > 2*most {
		c.order = slices.DeleteFunc(c.order, func(uid mail.UID) bool { return c.partials[uid] == nil })
	}
	return nil
}

// deliverOldest delivers the oldest incomplete message as it is.
func (c *collector) deliverOldest() error {
	uid := c.order[0]
	c.order = c.order[1:]
	return c.deliverIncomplete(uid)
}

// deliverIncomplete delivers a message as it is, if it is incomplete.
func (c *collector) deliverIncomplete(uid mail.UID) error {
	p := c.partials[uid]
	if p == nil {
		return nil
	}
	delete(c.partials, uid)
	p.Lacks = lackOf(c.lacks(p))
	if c.need&hasDate != 0 && p.has&hasDate == 0 {
		if p.Internal.IsZero() {
			p.Internal = noDate
		}
		if p.Internal != noDate {
			p.Lacks &^= mail.LacksDate // the server's text
		}
	}
	return c.deliver(p.Message)
}

func (c *collector) deliver(m mail.Message) error {
	if !c.stopped {
		c.stopped = !c.yield(m, nil)
	}
	return c.delivered.Add(mail.UIDRange{First: m.UID, Last: m.UID})
}

// finish delivers the remaining messages as they are, and delivers the error.
func (c *collector) finish(err error) {
	for len(c.order) > 0 && c.m.c.Alive() {
		if flooded := c.deliverOldest(); flooded != nil {
			err = flooded
			break
		}
	}
	if err == nil {
		err = c.deliverUnanswered()
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
		case name.Is("FLAGS") && isSet(value):
			var fresh int
			p.Flags, fresh = cache.read(value)
			unusual += max(0, fresh-usualMemory)
			p.has |= hasFlags
		case name.Is("INTERNALDATE"):
			if p.Internal = mail.ParseDate(cmp.Or(clipped(value), noDate.Raw)); p.Internal.IsReadable() {
				p.has |= hasDate
			}
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
		case name.Is("X-GM-LABELS") && isSet(value):
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

// isSet reports whether a value is a whole list of flags or labels. NIL, as some servers write an
// empty one, is one; a list that breaks off, and a word, must not be taken for all flags.
func isSet(value wire.Node) bool {
	return value.Kind == wire.List && !value.Ragged || value.Kind == wire.Nil
}

// noDate is kept for nothing and for NIL, because the zero Date is one of 1970.
var noDate = mail.ParseDate("NIL")

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
