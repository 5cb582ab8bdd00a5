package jmapsource

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/backup/source/numbering"
	"github.com/mailstrata/mailstrata/jmap"
	"github.com/mailstrata/mailstrata/mail"
)

// Options say how to read an account.
type Options struct {
	Mailboxes bool                    // read each mailbox as one, in place of All Mail with labels
	Wants     func(mail.Mailbox) bool // selects mailboxes; nil: all. If it leaves one out, Mailboxes is implied
}

// Source is an account on a server that speaks JMAP.
type Source struct {
	client *jmap.Client
	opts   Options

	mu       sync.Mutex
	previous source.Previous // nil: nothing is archived
	began    uint32          // when the first survey was, in seconds: the UIDVALIDITY of new mailboxes
	numbers  map[string]*numbering.Numbers
	current  *snapshot
}

var _ source.Source = (*Source)(nil)

// New returns an account as a source. It does not connect yet.
func New(client *jmap.Client, opts Options) *Source {
	return &Source{client: client, opts: opts, numbers: make(map[string]*numbering.Numbers)}
}

// Continue says what is archived of the account. It is called before Survey.
func (s *Source) Continue(previous source.Previous) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.previous = previous
}

// Server returns what is known of the server: it speaks JMAP.
func (s *Source) Server(ctx context.Context) (mail.Server, error) {
	_, err := s.client.Session(ctx)
	return mail.Server{ID: []mail.Field{{Name: "name", Value: "JMAP"}}}, err
}

// Parallel implements source.Source.
func (s *Source) Parallel() int {
	session, err := s.client.Session(context.Background())
	if err != nil {
		return 1
	}
	return session.Limits.Requests
}

// Close implements source.Source.
func (s *Source) Close() error { return s.client.Close() }

// Survey lists the mailboxes with their numbers.
func (s *Source) Survey(ctx context.Context) (*mail.Survey, error) {
	survey := &mail.Survey{Time: time.Now(), Gaps: make(map[string]string)}
	session, err := s.client.Session(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.began = cmp.Or(s.began, uint32(survey.Time.Unix()))
	next, err := s.next(ctx, session)
	if err == nil && next.hasUnlisted() {
		next, err = s.again(ctx, session, next)
	}
	if err == nil && len(next.tree.boxes) == 0 && !next.isEmpty() {
		err = errNoBoxes
	}
	if err != nil {
		return nil, err
	}
	s.current = next
	survey.Mailboxes = next.mailboxes()
	if n := len(session.Others); n > 0 {
		survey.Notes = append(survey.Notes, fmt.Sprintf("the user can also read %d other accounts, such as %q: each is archived as an account "+
			"of its own, by the same URL with #NAME", n, session.Others[0]))
	}
	return survey, nil
}

// again returns the account once more if its mailboxes are others by now: some message is in one
// that was not listed.
func (s *Source) again(ctx context.Context, session *jmap.Session, before *snapshot) (*snapshot, error) {
	now, err := s.ask(ctx, session, "")
	if err != nil {
		return nil, err
	}
	if t := newTree(now.boxes); t.mark != before.tree.mark {
		return s.list(ctx, session, t, now.state)
	}
	return before, nil // the user cannot see that mailbox
}

// Examine opens a mailbox.
func (s *Source) Examine(ctx context.Context, mailbox mail.Mailbox, first source.First) (source.View, error) {
	current, err := s.loaded(ctx)
	if err != nil {
		return nil, err
	}
	l := current.folders[mailbox.Raw]
	if l == nil {
		return nil, mail.ErrNoMailbox
	}
	if first != nil {
		if _, err := first(); err != nil {
			return nil, err
		}
	}
	return &view{source: s, listing: l, tree: current.tree, blobs: make(map[mail.UID]blob)}, nil
}

// loaded returns the account with its messages.
func (s *Source) loaded(ctx context.Context) (*snapshot, error) {
	session, err := s.client.Session(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return nil, fmt.Errorf("%w: the account was not surveyed", mail.ErrTemporary)
	}
	complete, err := s.load(ctx, s.current)
	if err == nil && !complete {
		var all *snapshot
		if all, err = s.list(ctx, session, s.current.tree, s.current.state); err == nil {
			s.current = all
		}
	}
	return s.current, err
}

// wants reports whether the user selects a mailbox.
func (s *Source) wants(m mail.Mailbox) bool { return s.opts.Wants == nil || s.opts.Wants(m) }

// asMailboxes reports whether each mailbox is read as one.
func (s *Source) asMailboxes(t *tree) bool {
	return s.opts.Mailboxes || !s.wants(t.all) || slices.ContainsFunc(t.boxes, func(b *box) bool {
		return !b.isApart() && !s.wants(b.archived)
	})
}

// numbersOf returns the numbers of a mailbox, with the UIDs of its archived messages.
func (s *Source) numbersOf(ctx context.Context, raw string) (*numbering.Numbers, error) {
	if n := s.numbers[raw]; n != nil {
		return n, nil
	}
	n, err := numbering.Load(ctx, s.previous, raw, false, numbering.Validity(s.began, raw))
	if err == nil {
		s.numbers[raw] = n
	}
	return n, err
}

// archivedStatus returns the numbers of a mailbox as it is archived, or nil.
func (s *Source) archivedStatus(raw string) *mail.Status {
	if s.previous == nil {
		return nil
	}
	return s.previous.Status(raw)
}
