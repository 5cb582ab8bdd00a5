package imap

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
)

// Source is an account that is read. It never changes anything there: mailboxes are opened by EXAMINE, bodies fetched by
// PEEK.
type Source struct {
	pool       *Pool
	connecting atomic.Pointer[serverAnswer] // what Connect asked for and Server did not take yet; nil: nothing

	mu      sync.Mutex
	virtual map[string]bool // by raw name: whether a mailbox that may be virtual is
}

var _ source.Source = (*Source)(nil)

// NewSource prepares to read an account. Nothing is connected yet.
func NewSource(opts Options) *Source { return &Source{pool: NewPool(opts, true)} }

// serverAnswer is what the server says of itself, once it has said it.
type serverAnswer struct {
	done   chan struct{} // closed then
	server mail.Server
	err    error
}

// Connect begins to connect and to log in, for who has something else to do meanwhile. The first call of Server gets what comes
// of it, so a password that is wrong is tried once.
func (s *Source) Connect(ctx context.Context) {
	a := &serverAnswer{done: make(chan struct{})}
	s.connecting.Store(a)
	go func() {
		defer close(a.done)
		a.server, a.err = s.askServer(ctx)
	}()
}

// withClient lends a connection.
func (s *Source) withClient(ctx context.Context, use func(*Client) error) error {
	c, err := s.pool.Get(ctx)
	if err != nil {
		return err
	}
	defer s.pool.Put(c)
	return use(c)
}

// maxWays bounds the connections in a row that may be lost during commands that a run can do without.
const maxWays = 20

// withRetry lends a connection. If it was lost during a command that is not sent again in the same way, lend lends another one.
func (s *Source) withRetry(ctx context.Context, use func(*Client) error) (err error) {
	for range maxWays {
		err = s.withClient(ctx, use)
		again := isTemporary(err) || errors.Is(err, mail.ErrFlood)
		if err == nil || !again || ctx.Err() != nil || !s.pool.opts.quirks.lostOptional() {
			return err
		}
	}
	return err
}

// Server tells what the server says of itself and of the account.
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
	err = s.withRetry(ctx, func(c *Client) error {
		server = mail.Server{ID: c.id, Capabilities: c.caps.sorted()}
		if server.Namespaces, err = c.Namespaces(ctx); err != nil && c.dead != nil {
			return err
		}
		if server.Quota, err = c.Quota(ctx); err != nil && c.dead != nil {
			return err
		}
		return nil
	})
	return server, err
}

// Survey takes a fresh view of every mailbox.
func (s *Source) Survey(ctx context.Context) (survey *mail.Survey, err error) {
	err = s.withRetry(ctx, func(c *Client) error {
		if survey, err = c.Survey(ctx, s.pool.opts.Namespaces); err != nil {
			return err
		}
		if c.IsGmail() && !s.pool.opts.Labels {
			markLabels(survey)
		}
		return s.skipVirtual(ctx, c, survey)
	})
	return survey, err
}

// Examine opens a mailbox on a connection of its own.
func (s *Source) Examine(ctx context.Context, mailbox mail.Mailbox) (source.View, error) {
	c, err := s.pool.Get(ctx)
	if err != nil {
		return nil, err
	}
	m, err := c.Examine(ctx, mailbox.Raw)
	if err != nil {
		s.pool.Put(c)
		return nil, err
	}
	return &view{Mailbox: m, source: s}, nil
}

// Parallel is how many views can be open at once.
func (s *Source) Parallel() int { return s.pool.Parallel() }

// Traffic is the bytes received and sent so far.
func (s *Source) Traffic() (in, out int64) { return s.pool.Traffic() }

// Close closes the idle connections now, and those in use when they are given back.
func (s *Source) Close() error {
	s.pool.Close()
	return nil
}

// view is a mailbox opened for reading, on a connection of its own.
type view struct {
	*Mailbox
	source *Source
	closed bool
}

// Close gives the connection back. It can be called again.
func (v *view) Close() error {
	if !v.closed {
		v.closed = true
		v.source.pool.Put(v.c)
	}
	return nil
}
