package farline

import (
	"bytes"
	"net"
	"os"
	"sync"
	"time"
)

// Sizes of what is under way on a connection, which stand for the windows of TCP: a piece waits for
// its time in memory.
const (
	pieceSize = 32 << 10
	pieces    = 512
)

// piece is what arrives at once: bytes, or the end.
type piece struct {
	due  time.Time
	data []byte
	end  error // io.EOF, or why nothing more comes
}

// Conn is the server's end of a connection over a Line.
type Conn struct {
	raw    net.Conn // to the program, which is near
	line   *Line
	opened time.Time

	in, out chan piece
	closed  chan struct{}
	once    sync.Once

	reading         sync.Mutex
	head            *piece // has arrived, or arrives next
	readBy, writeBy deadline
}

func newConn(line *Line, raw net.Conn) *Conn {
	return &Conn{raw: raw, line: line, opened: time.Now(), in: make(chan piece, pieces), out: make(chan piece, pieces),
		closed: make(chan struct{})}
}

// Opened returns when the program began to connect.
func (c *Conn) Opened() time.Time { return c.opened }

// receive sends what the program wrote to the server, until it ends.
func (c *Conn) receive() {
	buf := make([]byte, pieceSize)
	for {
		n, err := c.raw.Read(buf)
		p := piece{data: bytes.Clone(buf[:n])}
		p.due = c.line.send(&c.line.up, n)
		if n == 0 {
			p.end = err
		}
		if n > 0 || err != nil {
			select {
			case c.in <- p:
			case <-c.closed:
				return
			}
		}
		if err != nil && n == 0 {
			return
		}
	}
}

// Read implements net.Conn.
func (c *Conn) Read(b []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if c.head == nil {
		select {
		case p := <-c.in:
			c.head = &p
		case <-c.readBy.passed():
			return 0, os.ErrDeadlineExceeded
		case <-c.closed:
			return 0, net.ErrClosed
		}
	}
	if wait := time.Until(c.head.due); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.readBy.passed():
			return 0, os.ErrDeadlineExceeded
		case <-c.closed:
			return 0, net.ErrClosed
		}
	}
	if c.head.end != nil {
		return 0, c.head.end
	}
	n := copy(b, c.head.data)
	if c.head.data = c.head.data[n:]; len(c.head.data) == 0 {
		c.head = nil
	}
	return n, nil
}

// Write implements net.Conn. It returns when all of b is under way.
func (c *Conn) Write(b []byte) (n int, err error) {
	for n < len(b) {
		part := b[n:min(n+pieceSize, len(b))]
		if err := c.put(piece{data: bytes.Clone(part)}); err != nil {
			return n, err
		}
		n += len(part)
	}
	return n, nil
}

// CloseWrite ends what the server writes, as of a *net.TCPConn.
func (c *Conn) CloseWrite() error { return c.put(piece{}) }

func (c *Conn) put(p piece) error {
	select {
	case <-c.closed:
		return net.ErrClosed
	default:
	}
	p.due = c.line.send(&c.line.down, len(p.data))
	select {
	case c.out <- p:
		return nil
	case <-c.writeBy.passed():
		return os.ErrDeadlineExceeded
	case <-c.closed:
		return net.ErrClosed
	}
}

// deliver gives the program what the server wrote. After Close it delivers what is under way, and
// closes.
func (c *Conn) deliver() {
	defer c.raw.Close()
	for {
		select {
		case p := <-c.out:
			c.hand(p)
			continue
		default:
		}
		select {
		case p := <-c.out:
			c.hand(p)
		case <-c.closed:
			if len(c.out) == 0 {
				time.Sleep(c.line.RoundTrip / 2)
				return
			}
		}
	}
}

// hand gives the program a piece when it is due. A program that went away gets nothing more:
// receive sees that it did.
func (c *Conn) hand(p piece) {
	time.Sleep(time.Until(p.due))
	if len(p.data) > 0 {
		_, _ = c.raw.Write(p.data)
	} else if half, ok := c.raw.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// abandonAfter is how long after Close a program may leave what the server wrote unread.
const abandonAfter = 10 * time.Second

// Close implements net.Conn.
func (c *Conn) Close() error {
	c.once.Do(func() {
		close(c.closed)
		_ = c.raw.SetWriteDeadline(time.Now().Add(c.line.RoundTrip + abandonAfter))
	})
	return nil
}

// LocalAddr implements net.Conn.
func (c *Conn) LocalAddr() net.Addr { return c.raw.LocalAddr() }

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr { return c.raw.RemoteAddr() }

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(t time.Time) error {
	c.readBy.set(t)
	c.writeBy.set(t)
	return nil
}

// SetReadDeadline implements net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error { c.readBy.set(t); return nil }

// SetWriteDeadline implements net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error { c.writeBy.set(t); return nil }

// deadline is a time that can be moved, and a channel that is closed when it has passed.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	over  chan struct{}
}

func (d *deadline) passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over == nil {
		d.over = make(chan struct{})
	}
	return d.over
}

// set moves the deadline; the zero time is never.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	select {
	case <-d.over:
		d.over = nil
	default:
	}
	if d.over == nil {
		d.over = make(chan struct{})
	}
	switch over := d.over; {
	case t.IsZero():
	case time.Until(t) <= 0:
		close(over)
	default:
		// A timer that could not be stopped closes its own channel again only if nobody has
		// replaced it.
		d.timer = time.AfterFunc(time.Until(t), func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.over == over && !isClosed(over) {
				close(over)
			}
		})
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
