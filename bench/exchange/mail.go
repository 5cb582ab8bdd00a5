package exchange

import (
	"crypto/tls"
	"io"
	"net"
	"sync"
)

// Mail carries the connections of a listener to a mail server, until the listener is closed. It
// records each exchange.
func (l *Log) Mail(from net.Listener, address string) error {
	for {
		near, err := from.Accept()
		if err != nil {
			return err
		}
		go l.mail(near, address)
	}
}

func (l *Log) mail(near net.Conn, address string) {
	defer near.Close()
	if c, ok := near.(*tls.Conn); ok && c.Handshake() != nil { // the greeting comes after it
		return
	}
	far, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer far.Close()
	t := &turns{log: l}
	var both sync.WaitGroup
	both.Go(func() { pass(far, near, t.program) })
	both.Go(func() { pass(near, far, t.server) })
	both.Wait()
}

// pass copies until the end, and calls seen for each piece before it is written.
func pass(to io.Writer, from io.Reader, seen func()) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			seen()
			if _, err := to.Write(buf[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// turns divides what passes on a connection into exchanges.
type turns struct {
	log *Log

	mu       sync.Mutex
	current  *exchange
	answered bool
}

// program sees that the program wrote. It begins an exchange if the server has answered the last
// one.
func (t *turns) program() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current == nil || t.answered {
		t.current, t.answered = t.log.asked(false), false
	}
}

// server sees that the server wrote. A greeting answers the opening of the connection.
func (t *turns) server() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current == nil {
		t.current = t.log.asked(false)
	}
	t.answered = true
	t.log.answered(t.current)
}
