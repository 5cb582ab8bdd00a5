package farline

import (
	"net"
	"sync"
	"time"
)

// Listener is a net.Listener whose connections come over a Line. Each is a *Conn.
type Listener struct {
	net.Listener
	line *Line

	opened chan *Conn
	failed chan error
	closed chan struct{}
	once   sync.Once
}

// Listen returns a Listener that accepts the connections of l.
func (line *Line) Listen(l net.Listener) *Listener {
	far := &Listener{
		Listener: l, line: line, opened: make(chan *Conn), failed: make(chan error, 1),
		closed: make(chan struct{}),
	}
	go far.accept()
	return far
}

func (l *Listener) accept() {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			l.failed <- err
			return
		}
		go l.open(raw)
	}
}

// open has a connection arrive after its handshake.
func (l *Listener) open(raw net.Conn) {
	c := newConn(l.line, raw)
	time.Sleep(l.line.RoundTrip)
	go c.receive()
	go c.deliver()
	time.Sleep(l.line.RoundTrip / 2)
	select {
	case l.opened <- c:
	case <-l.closed:
		c.Close()
	}
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.opened:
		return c, nil
	case err := <-l.failed:
		l.failed <- err
		return nil, err
	}
}

// Close implements net.Listener.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}
