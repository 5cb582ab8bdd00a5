package page

import (
	"io"
	"log"
	"net"
	"sync"
	"time"
)

// limited is a listener that has at most some connections at once, and ends those whose other side
// takes nothing.
type limited struct {
	net.Listener
	places chan struct{}
}

func limit(l net.Listener, n int) net.Listener {
	return &limited{Listener: l, places: make(chan struct{}, n)}
}

// Accept implements net.Listener. It refuses connections that are too many.
func (l *limited) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.places <- struct{}{}:
			return &timedConn{Conn: conn, release: sync.OnceFunc(func() { <-l.places })}, nil
		default:
			conn.Close()
		}
	}
}

// timedConn limits how long a write may take.
type timedConn struct {
	net.Conn
	release func()
}

// Write implements io.Writer.
func (c *timedConn) Write(b []byte) (int, error) {
	c.SetWriteDeadline(time.Now().Add(writeTimeout))
	return c.Conn.Write(b)
}

// Close implements io.Closer.
func (c *timedConn) Close() error {
	c.release()
	return c.Conn.Close()
}

// quiet returns a log for what clients do wrong on their connections, which nobody needs to know.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
