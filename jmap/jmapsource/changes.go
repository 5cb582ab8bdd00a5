package jmapsource

import (
	"context"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/jmap"
	"github.com/mailstrata/mailstrata/mail"
)

// changes is what changed since a state.
type changes struct {
	state     string // now
	more      bool   // there is more
	settled   bool   // the messages were described in this state
	changed   map[string]*entry
	destroyed map[string]bool
}

func (c *changes) isNone() bool { return len(c.changed) == 0 && len(c.destroyed) == 0 && !c.more }

// errNoBoxes reports an answer that would make labels disappear.
var errNoBoxes = fmt.Errorf("%w: Mailbox/get: the server lists no mailboxes", mail.ErrRefused)

// answers is what one request about the account gives.
type answers struct {
	boxes   []jmap.Mailbox
	state   string   // of Email, from before anything else is asked
	changes *changes // nil: no state was given, or the server has forgotten it
}

// ask asks for the mailboxes, and for what changed since a state or, without one, for the state. It
// is one request, in which the messages that changed are described as well, unless the server takes
// fewer calls in one.
func (s *Source) ask(ctx context.Context, session *jmap.Session, since string) (*answers, error) {
	var state jmap.Got[jmap.Email]
	var boxes jmap.Got[jmap.Mailbox]
	calls := []*jmap.Call{
		{Method: "Email/get", Args: map[string]any{"ids": []string{}, "properties": []string{"id"}}, Result: &state},
		{Method: "Mailbox/get", Args: map[string]any{"ids": nil, "properties": jmap.MailboxProperties}, Result: &boxes},
	}
	asked, requests := (*question)(nil), [][]*jmap.Call{calls}
	if since != "" {
		asked = newQuestion(session, since, len(calls))
		requests[0] = slices.Concat(calls, asked.calls)
	}
	if len(requests[0]) > session.Limits.Calls {
		asked, requests = nil, [][]*jmap.Call{calls[:1], calls[1:]}
	}
	for _, request := range requests {
		if err := s.client.Do(ctx, request...); err != nil {
			return nil, err
		}
	}
	for _, call := range calls {
		if call.Err != nil {
			return nil, call.Err
		}
	}
	a := &answers{boxes: boxes.List, state: state.State}
	var err error
	switch {
	case a.boxes == nil:
		return nil, errNoBoxes
	case since == "":
	case since == a.state:
		a.changes = &changes{state: since, settled: true}
	case asked != nil:
		a.changes, err = s.answered(ctx, session, asked)
	default:
		a.changes, err = s.since(ctx, session, since)
	}
	return a, err
}

// question asks what changed since a state.
type question struct {
	calls            []*jmap.Call
	since            string
	changed          jmap.Changed
	created, updated jmap.Got[jmap.Email]
}

// newQuestion returns the calls of a question, the first of which is the at-th of its request. If
// the server takes one call at a time, there is one call.
func newQuestion(session *jmap.Session, since string, at int) *question {
	q := &question{since: since}
	q.calls = []*jmap.Call{{
		Method: "Email/changes", Args: map[string]any{"sinceState": since, "maxChanges": min(session.Limits.Get, getTogether)}, Result: &q.changed,
	}}
	if session.Limits.Calls < at+3 {
		return q
	}
	describe := func(path string, into *jmap.Got[jmap.Email]) *jmap.Call {
		ids := jmap.Ref{ResultOf: jmap.CallID(at), Name: "Email/changes", Path: path}
		return &jmap.Call{Method: "Email/get", Args: map[string]any{"#ids": ids, "properties": listed}, Result: into}
	}
	q.calls = append(q.calls, describe("/created", &q.created), describe("/updated", &q.updated))
	return q
}

// since asks what changed since a state. It is nil if the server has forgotten the state.
func (s *Source) since(ctx context.Context, session *jmap.Session, state string) (*changes, error) {
	q := newQuestion(session, state, 0)
	if err := s.client.Do(ctx, q.calls...); err != nil {
		return nil, err
	}
	return s.answered(ctx, session, q)
}

// answered returns the changes that a question was answered with.
func (s *Source) answered(ctx context.Context, session *jmap.Session, q *question) (*changes, error) {
	if err := q.calls[0].Err; err != nil {
		if err.Is(mail.ErrTemporary) {
			return nil, err
		}
		return nil, nil // cannotCalculateChanges, or a server without Email/changes: list all
	}
	ids := append(q.changed.Created, q.changed.Updated...)
	c := &changes{
		state: q.changed.NewState, more: q.changed.More, changed: make(map[string]*entry),
		destroyed: make(map[string]bool),
	}
	if c.more && c.state == q.since || q.changed.OldState != q.since {
		return nil, nil // it would never end, or it is about something else
	}
	list, settled, err := s.changed(ctx, session, q, ids)
	if err != nil {
		return nil, err
	}
	c.settled = settled
	var flags flagSets
	for i := range list {
		c.changed[list[i].ID] = flags.entry(&list[i])
	}
	for _, id := range ids {
		if c.changed[id] == nil {
			c.destroyed[id] = true
		}
	}
	for _, id := range q.changed.Destroyed {
		delete(c.changed, id)
		c.destroyed[id] = true
	}
	return c, nil
}

// changed returns the messages that changed: as the answer describes them, or, if it does not
// describe each one, by asking for them. settled reports that their state is the new one.
func (s *Source) changed(
	ctx context.Context, session *jmap.Session, q *question, ids []string,
) (list []jmap.Email, settled bool, err error) {
	got := &jmap.Got[jmap.Email]{
		List:     append(q.created.List, q.updated.List...),
		NotFound: append(q.created.NotFound, q.updated.NotFound...),
	}
	failed := slices.ContainsFunc(q.calls, func(call *jmap.Call) bool { return call.Err != nil })
	if len(q.calls) == 3 && !failed && complete(got, ids) == nil {
		return got.List, q.created.State == q.changed.NewState && q.updated.State == q.changed.NewState, nil
	}
	settled = true
	for _, part := range parts(session, ids) {
		described, err := s.describe(ctx, part, listed)
		if err != nil {
			return nil, false, err
		}
		list = append(list, described.List...)
		settled = settled && described.State == q.changed.NewState
	}
	return list, settled, nil
}

// maxSteps is how often the changes since the last step are asked for until there are none.
const maxSteps = 2_000

// advance applies changes to a snapshot, and all that happen meanwhile.
func (s *Source) advance(ctx context.Context, session *jmap.Session, before *snapshot, c *changes) (*snapshot, error) {
	next, err := s.with(ctx, before, c.changed, c.destroyed)
	if err != nil {
		return nil, err
	}
	next.state = c.state
	return s.settle(ctx, session, next, c.settled && !c.more)
}

// maxUnrest is how many answers in a row may bring changes that happened after the one before. The
// next survey shows what is missing then.
const maxUnrest = 5

// settle applies what changed since the state of a snapshot until nothing does. settled says that
// there is nothing.
func (s *Source) settle(ctx context.Context, session *jmap.Session, next *snapshot, settled bool) (*snapshot, error) {
	for steps, unrest := 0, 0; !settled && next.state != "" && unrest < maxUnrest && steps < maxSteps; steps++ {
		c, err := s.since(ctx, session, next.state)
		if err != nil {
			return nil, err
		}
		if c == nil {
			next.state = "" // nothing shows what happened meanwhile; the next survey lists again
			break
		}
		if unrest++; c.more {
			unrest = 0 // these are changes from before
		}
		after, err := s.with(ctx, next, c.changed, c.destroyed)
		if err != nil {
			return nil, err
		}
		after.state, settled = c.state, c.isNone() || c.settled && !c.more
		next = after
	}
	s.setStatus(next)
	return next, nil
}
