package imapclient

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/mailstrata/mailstrata/imap"
)

// Pool shares out the connections of one account. If the server refuses another connection while
// some are open, whatever the reason (BYE, NO [LIMIT], a login that no longer works), the pool goes
// on with the connections that it has.
type Pool struct {
	dialer  *imap.Dialer
	utf8    bool
	tokens  chan struct{}       // one for each connection that may be in use
	dialing *semaphore.Weighted // held while connecting: in part, or as a whole; see dial

	mu     sync.Mutex
	idle   []*Client
	open   int // in use or idle
	coming int // being made
	limit  int // of connections: the number of tokens
	closed bool
}

// trustedIdle is how long an idle connection is used without a NOOP before.
const trustedIdle = 30 * time.Second

var errClosed = errors.New("the account is closed")

// NewPool returns a Pool of connections to an account, at most opts.Connections, or 4. It connects
// when it is asked to. With utf8, connections enable UTF8=ACCEPT where the server has it.
func NewPool(opts imap.Options, utf8 bool) *Pool {
	p := &Pool{dialer: imap.NewDialer(opts), utf8: utf8, limit: max(1, cmp.Or(opts.Connections, 4)),
		dialing: semaphore.NewWeighted(wholeDialing)}
	p.tokens = make(chan struct{}, p.limit)
	for range p.limit {
		p.tokens <- struct{}{}
	}
	return p
}

// Get returns a connection that works. It waits until one is free.
func (p *Pool) Get(ctx context.Context) (*Client, error) { return p.GetOn(ctx, "") }

// GetOn is Get for a caller that will open a mailbox. It prefers a connection that has the mailbox
// open.
func (p *Pool) GetOn(ctx context.Context, mailbox string) (*Client, error) {
	for {
		select {
		case <-p.tokens:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		c, err := p.connect(ctx, mailbox)
		if err == nil {
			return c, nil
		}
		if !p.shrink(ctx) {
			p.tokens <- struct{}{}
			return nil, err
		}
	}
}

// connect takes an idle connection, or makes a new one.
func (p *Pool) connect(ctx context.Context, mailbox string) (*Client, error) {
	for {
		c, err := p.takeIdle(mailbox)
		if err != nil {
			return nil, err
		}
		if c == nil {
			break
		}
		if time.Since(c.idleSince) < trustedIdle || c.Do(ctx, imap.NewCommand("NOOP")) == nil {
			return c, nil
		}
		p.drop(c)
	}
	return p.dial(ctx)
}

// wholeDialing is the weight of Pool.dialing as a whole.
const wholeDialing = 1 << 30

// dial makes a connection. While none is open, only one is made at a time: if the server refuses
// the password, it is not tried again. Others are made at once. A refusal shows a limit only if all
// other connections are known, so dial waits for them before it returns one.
func (p *Pool) dial(ctx context.Context) (*Client, error) {
	defer func() {
		p.mu.Lock()
		p.coming--
		p.mu.Unlock()
	}()
	weight, err := p.beginDialing(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := p.dialer.Dial(ctx, p.utf8)
	if err == nil {
		p.mu.Lock()
		p.open++
		p.mu.Unlock()
	}
	p.dialing.Release(weight)
	if err != nil && p.dialing.Acquire(ctx, wholeDialing) == nil {
		p.dialing.Release(wholeDialing)
	}
	if err != nil {
		return nil, err
	}
	return newClient(conn), nil
}

// LostOptional reports, once, whether the latest connection was lost during a command that a run
// can do without, so that another attempt differs.
func (p *Pool) LostOptional() bool { return p.dialer.LostOptional() }

// beginDialing acquires dialing: as a whole if no connection is open.
func (p *Pool) beginDialing(ctx context.Context) (weight int64, err error) {
	for weight = 1; ; weight = wholeDialing {
		if err := p.dialing.Acquire(ctx, weight); err != nil {
			return 0, context.Cause(ctx)
		}
		p.mu.Lock()
		open := p.open > 0
		p.mu.Unlock()
		if open == (weight == 1) {
			return weight, nil
		}
		p.dialing.Release(weight)
		if open {
			break
		}
	}
	return 1, p.dialing.Acquire(ctx, 1)
}

// takeIdle takes the idle connection that fits best. It takes none if a new one may be made and all
// others have a mailbox open that a caller may come back to. Then the caller makes a new one.
func (p *Pool) takeIdle(mailbox string) (c *Client, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return c, errClosed
	}
	has := func(raw string) int {
		return slices.IndexFunc(p.idle, func(c *Client) bool { return c.selected() == raw })
	}
	i := len(p.idle) - 1
	if mailbox != "" && i >= 0 {
		i = has(mailbox)
		if i < 0 {
			i = has("")
		}
		if i < 0 && p.open+p.coming >= p.limit {
			i = 0 // idle for the longest time
		}
	}
	if i < 0 {
		p.coming++
		return c, nil
	}
	c = p.idle[i]
	p.idle = slices.Delete(p.idle, i, i+1)
	return c, nil
}

// shrink lowers the limit to the number of open connections, beginning with the caller's token. It
// returns false if none is open.
func (p *Pool) shrink(ctx context.Context) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ctx.Err() != nil || p.closed || p.open == 0 {
		return false
	}
	if p.limit <= p.open { // meanwhile: an idle connection is left for the caller
		p.tokens <- struct{}{}
		return true
	}
	p.limit--
	for p.limit > p.open {
		select {
		case <-p.tokens:
			p.limit--
		default:
			return true // callers that hold the remaining tokens will shrink it further
		}
	}
	return true
}

// Put gives a connection back, or drops it if it is broken.
func (p *Pool) Put(c *Client) {
	p.mu.Lock()
	if c.Alive() && !p.closed {
		c.idleSince = time.Now()
		p.idle = append(p.idle, c)
		p.mu.Unlock()
	} else {
		p.mu.Unlock()
		p.drop(c)
	}
	p.tokens <- struct{}{}
}

func (p *Pool) drop(c *Client) {
	c.Close()
	p.mu.Lock()
	p.open--
	p.mu.Unlock()
}

// Parallel returns the number of connections that there can be.
func (p *Pool) Parallel() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.limit
}

func (p *Pool) Close() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	for _, c := range idle {
		p.drop(c)
	}
}
