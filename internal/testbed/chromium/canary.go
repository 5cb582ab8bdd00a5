package chromium

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Canary is a listener that every name of a host leads to. Nobody connects to it whose page fetches
// nothing.
type Canary struct {
	l net.Listener

	mu    sync.Mutex
	calls []string
}

// Silent is how Calls reports a connection without a request.
const Silent = "a connection without a request"

// NewCanary returns a Canary, which ends with the test.
func NewCanary(t testing.TB) *Canary {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &Canary{l: l}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go c.serve(conn)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return c
}

// Address returns host and port.
func (c *Canary) Address() string { return c.l.Addr().String() }

// Calls returns what was asked of it: the request line and the host of each connection, or that it
// was TLS, or Silent. What Chromium asks its makers for by itself is left out: no switch turns off
// all of that.
func (c *Canary) Calls() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(c.calls), func(call string) bool {
		return strings.HasSuffix(call, ".google.com") || strings.HasSuffix(call, ".googleapis.com")
	})
}

// serve counts a connection, and answers that there is nothing.
func (c *Canary) serve(conn net.Conn) {
	defer conn.Close()
	c.mu.Lock()
	i := len(c.calls)
	c.calls = append(c.calls, Silent)
	c.mu.Unlock()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	r := bufio.NewReader(conn)
	if first, err := r.Peek(1); err != nil || first[0] == 0x16 {
		c.greet(i, conn, r)
		return
	}
	line, err := r.ReadString('\n')
	call := strings.TrimSpace(line)
	for err == nil && line != "\r\n" {
		line, err = r.ReadString('\n')
		if name, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(name, "Host") {
			call += " of" + strings.TrimRight(value, "\r\n")
		}
	}
	c.set(i, call, err)
	_, _ = conn.Write([]byte("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nAccess-Control-Allow-Origin: *\r\nConnection: close\r\n\r\n"))
}

// greet reads which host a connection by TLS is for.
func (c *Canary) greet(i int, conn net.Conn, r io.Reader) {
	_ = tls.Server(buffered{conn, r}, &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		c.set(i, "a connection by TLS of "+hello.ServerName, nil)
		return nil, nil
	}}).Handshake()
}

// buffered is a connection of which some bytes have been read.
type buffered struct {
	net.Conn
	r io.Reader
}

func (b buffered) Read(p []byte) (int, error) { return b.r.Read(p) }

func (c *Canary) set(i int, call string, err error) {
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[i] = call
}
