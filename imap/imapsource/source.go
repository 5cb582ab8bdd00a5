package imapsource

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/imapclient"
	"github.com/mailstrata/mailstrata/internal/grace"
	"github.com/mailstrata/mailstrata/mail"
)

// Source reads an account. It changes nothing there: it opens mailboxes by EXAMINE and fetches
// bodies by BODY.PEEK.
type Source struct {
	opts       imap.Options
	pool       *imapclient.Pool
	virtual    imapclient.VirtualFinder
	connecting atomic.Pointer[serverAnswer] // what Connect asked for, until Server takes it; nil: nothing
	early      atomic.Pointer[mail.Survey]  // what Connect surveyed, until Survey takes it; nil: nothing
}

var (
	_ source.Source         = (*Source)(nil)
	_ source.PropertySource = (*Source)(nil)
)

// NewSource returns the account as a source. It does not connect yet.
func NewSource(opts imap.Options) *Source {
	return &Source{opts: opts, pool: imapclient.NewPool(opts, true)}
}

// serverAnswer is the server's ID, capabilities, namespaces and quota, once done is closed.
type serverAnswer struct {
	done   chan struct{} // closed once the rest is set
	server mail.Server
	err    error
}

// Connect starts to connect, to log in and to survey the account while the caller does other
// things. The first call of Server returns the result, so that a wrong password is tried once. The
// first call of Survey after that returns the survey.
func (s *Source) Connect(ctx context.Context) {
	a := &serverAnswer{done: make(chan struct{})}
	s.connecting.Store(a)
	go func() {
		defer close(a.done)
		var survey *mail.Survey
		if a.server, survey, a.err = s.askAll(ctx); survey != nil {
			s.early.Store(survey)
		}
	}()
}

// withClient calls use with a connection.
func (s *Source) withClient(ctx context.Context, use func(*imapclient.Client) error) error {
	c, err := s.pool.Get(ctx)
	if err != nil {
		return err
	}
	defer s.pool.Put(c)
	return use(c)
}

// maxWays bounds the connections in a row that may be lost during optional commands.
const maxWays = 20

// withRetry calls use with a connection, and again if it was lost during a command that is not sent
// again in the same way.
func (s *Source) withRetry(ctx context.Context, use func(*imapclient.Client) error) (err error) {
	for range maxWays {
		err = s.withClient(ctx, use)
		again := errors.Is(err, mail.ErrTemporary) || errors.Is(err, mail.ErrFlood)
		if err == nil || !again || ctx.Err() != nil || !s.pool.LostOptional() {
			return err
		}
	}
	return err
}

// Server returns what the server reports of itself and of the account.
func (s *Source) Server(ctx context.Context) (mail.Server, error) {
	a := s.connecting.Swap(nil)
	if a == nil {
		return s.askServer(ctx)
	}
	select {
	case <-a.done:
		return a.server, a.err
	case <-ctx.Done():
		return mail.Server{}, context.Cause(ctx)
	}
}

func (s *Source) askServer(ctx context.Context) (server mail.Server, err error) {
	err = s.withRetry(ctx, func(c *imapclient.Client) error {
		server, err = c.Server(ctx)
		return err
	})
	return server, err
}

// askAll is askServer and Survey with all questions sent together. If only the survey fails, it is
// nil.
func (s *Source) askAll(ctx context.Context) (server mail.Server, survey *mail.Survey, err error) {
	err = s.withRetry(ctx, func(c *imapclient.Client) error {
		server, survey, err = c.ServerAndSurvey(ctx, s.opts.Namespaces)
		if survey == nil || err != nil {
			return err
		}
		if err := s.mark(ctx, c, survey); err != nil {
			survey = nil
			if !c.Alive() {
				return err
			}
		}
		return nil
	})
	return server, survey, err
}

// Survey lists every mailbox, with its numbers.
func (s *Source) Survey(ctx context.Context) (survey *mail.Survey, err error) {
	if early := s.early.Swap(nil); early != nil {
		return early, nil
	}
	err = s.withRetry(ctx, func(c *imapclient.Client) error {
		survey, err = s.survey(ctx, c)
		return err
	})
	return survey, err
}

// Properties implements source.PropertySource.
func (s *Source) Properties(
	ctx context.Context, mailboxes []string,
) (list []mail.Properties, notes []string, err error) {
	err = s.withRetry(ctx, func(c *imapclient.Client) error {
		list, notes, err = c.Properties(ctx, mailboxes)
		return err
	})
	return list, notes, err
}

// Quotas implements source.QuotaSource.
func (s *Source) Quotas(ctx context.Context, mailboxes []string) (all []mail.Quota, err error) {
	err = s.withRetry(ctx, func(c *imapclient.Client) error {
		all, err = c.Quotas(ctx, mailboxes)
		return err
	})
	return all, err
}

func (s *Source) survey(ctx context.Context, c *imapclient.Client) (*mail.Survey, error) {
	survey, err := c.Survey(ctx, s.opts.Namespaces)
	if err != nil {
		return nil, err
	}
	if err := s.mark(ctx, c, survey); err != nil {
		return nil, err
	}
	return survey, nil
}

// mark marks the mailboxes whose messages are in other mailboxes.
func (s *Source) mark(ctx context.Context, c *imapclient.Client, survey *mail.Survey) error {
	if c.IsGmail() && !s.opts.Labels {
		markLabels(survey)
	}
	if s.opts.Virtual {
		return nil
	}
	return s.virtual.Mark(ctx, c, survey)
}

// openingGrace is how long a connection waits for the answer to an EXAMINE that nobody waits for
// any more. A new connection costs more than the answer.
const openingGrace = 2 * time.Second

// Examine opens a mailbox for reading, on a connection of its own. If ctx ends first, Examine
// returns at once, and the connection is free again when the server has answered.
func (s *Source) Examine(ctx context.Context, mailbox mail.Mailbox, first source.First) (source.View, error) {
	c, err := s.pool.Get(ctx)
	if err != nil {
		return nil, err
	}
	var expect imapclient.Expectation
	if first != nil {
		if expect.UIDs, err = first(); err != nil {
			s.pool.Put(c)
			return nil, err
		}
		expect.ModSeq = mailbox.Status != nil && mailbox.Status.HighestModSeq > 0
	}
	type opening struct {
		mailbox *imapclient.Mailbox
		err     error
	}
	opened := make(chan opening, 1)
	go func() {
		longer, done := grace.Context(ctx, openingGrace)
		defer done()
		m, err := c.ExamineExpecting(longer, mailbox.Raw, expect)
		opened <- opening{m, err}
	}()
	select {
	case o := <-opened:
		if o.err != nil {
			s.pool.Put(c)
			return nil, o.err
		}
		return &view{Mailbox: o.mailbox, pool: s.pool, client: c}, nil
	case <-ctx.Done():
		go func() {
			<-opened
			s.pool.Put(c)
		}()
		return nil, context.Cause(ctx)
	}
}

// Parallel returns the number of views that can be open at once.
func (s *Source) Parallel() int { return s.pool.Parallel() }

// Close closes the idle connections now, and the others when they are given back.
func (s *Source) Close() error {
	s.pool.Close()
	return nil
}

// view is a mailbox opened for reading, on a connection of its own.
type view struct {
	*imapclient.Mailbox
	pool   *imapclient.Pool
	client *imapclient.Client
	closed bool
}

// Close gives the connection back. It can be called again.
func (v *view) Close() error {
	if !v.closed {
		v.closed = true
		v.pool.Put(v.client)
	}
	return nil
}
