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
// is one request, in which the messages that changed are described as well.
func (s *Source) ask(ctx context.Context, session *jmap.Session, since string) (*answers, error) {
	var boxes jmap.Got[jmap.Mailbox]
	var state jmap.Got[jmap.Email]
	calls := []*jmap.Call{
		{Method: "Mailbox/get", Args: map[string]any{"ids": nil, "properties": jmap.MailboxProperties}, Result: &boxes},
		{Method: "Email/get", Args: map[string]any{"ids": []string{}, "properties": []string{"id"}}, Result: &state},
	}
	var asked *question
	if since != "" {
		asked = newQuestion(session, since, len(calls))
		calls = append(calls, asked.calls...)
	}
	if len(calls) > session.Limits.Calls {
		return s.askApart(ctx, session, since)
	}
	if err := s.client.Do(ctx, calls...); err != nil {
		return nil, err
	}
	for _, call := range calls[:2] {
		if call.Err != nil {
			return nil, call.Err
		}
	}
	a := &answers{boxes: boxes.List, state: state.State}
	if a.boxes == nil {
		return nil, errNoBoxes
	}
	if asked == nil {
		return a, nil
	}
	if state.State == since {
		a.changes = &changes{state: since, settled: true}
		return a, nil
	}
	var err error
	a.changes, err = s.answered(ctx, session, asked)
	return a, err
}

// askApart is ask for a server that takes few calls in a request.
func (s *Source) askApart(ctx context.Context, session *jmap.Session, since string) (*answers, error) {
	var boxes jmap.Got[jmap.Mailbox]
	var state jmap.Got[jmap.Email]
	if err := s.client.One(ctx, "Email/get", map[string]any{"ids": []string{}, "properties": []string{"id"}}, &state); err != nil {
		return nil, err
	}
	if err := s.client.One(ctx, "Mailbox/get", map[string]any{"ids": nil, "properties": jmap.MailboxProperties}, &boxes); err != nil {
		return nil, err
	}
	a := &answers{boxes: boxes.List, state: state.State}
	if a.boxes == nil {
		return nil, errNoBoxes
	}
	switch since {
	case "":
		return a, nil
	case state.State:
		a.changes = &changes{state: since, settled: true}
		return a, nil
	}
	var err error
	a.changes, err = s.since(ctx, session, since)
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
	for path, into := range map[string]*jmap.Got[jmap.Email]{"/created": &q.created, "/updated": &q.updated} {
		q.calls = append(q.calls, &jmap.Call{Method: "Email/get", Result: into, Args: map[string]any{
			"#ids": jmap.Ref{ResultOf: jmap.CallID(at), Name: "Email/changes", Path: path}, "properties": listed,
		}})
	}
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
		if mayPass(err) {
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
	var list []jmap.Email
	c.settled = true
	whole := len(q.calls) == 3
	for _, call := range q.calls[1:] {
		whole = whole && call.Err == nil
	}
	got := &jmap.Got[jmap.Email]{
		List:     append(q.created.List, q.updated.List...),
		NotFound: append(q.created.NotFound, q.updated.NotFound...),
	}
	if whole && complete(got, ids) == nil {
		list = got.List
		c.settled = q.created.State == c.state && q.updated.State == c.state
	} else {
		for _, part := range parts(session, ids) {
			described, err := s.describe(ctx, part, listed)
			if err != nil {
				return nil, err
			}
			list = append(list, described.List...)
			c.settled = c.settled && described.State == c.state
		}
	}
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

// mayPass reports whether an error of a method may pass.
func mayPass(err *jmap.Error) bool { return err.Is(mail.ErrTemporary) }

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

// isEmpty reports whether there is no message.
func (s *snapshot) isEmpty() bool {
	for _, l := range s.folders {
		if l.status.Messages > 0 {
			return false
		}
	}
	return true
}

// fewMore is how many messages more than the server counts can have arrived between two answers.
const fewMore = 10

// exceeds reports whether a snapshot has more messages than the server counts in its mailboxes.
// Then what the server says about changes is of another account: one that was made again at the
// same place, or restored from a backup.
func (s *snapshot) exceeds(t *tree, changes *changes) bool {
	for _, l := range s.folders {
		count, known := int64(len(changes.changed))+fewMore, true
		for _, b := range t.boxes {
			if l.in(t, []string{b.ID}) {
				if known = known && b.Emails != nil; known {
					count += *b.Emails
				}
			}
		}
		if known && int64(l.status.Messages) > count {
			return true
		}
	}
	return false
}

// hasUnlisted reports whether a message is in a mailbox that was not listed.
func (s *snapshot) hasUnlisted() bool {
	for _, l := range s.folders {
		for _, e := range l.entries {
			if e.attributes != nil &&
				slices.ContainsFunc(e.boxes, func(id string) bool { return s.tree.byID[id] == nil }) {
				return true
			}
		}
	}
	return false
}
