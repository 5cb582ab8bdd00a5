package e2e_test

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
)

// proxy is between the program and an IMAP server, and counts.
type proxy struct {
	addr   string
	server string

	mu       sync.Mutex
	sent     int64  // bytes from the program to the server
	received int64  // bytes from the server to the program
	said     []byte // what the program sent, of which keptSaid bytes are kept
	watch    func(sent, received int64)

	open   int // connections
	closed sync.Cond
}

// keptSaid bounds what a proxy keeps: commands are few, but APPEND brings messages along.
const keptSaid = 1 << 20

// startProxy starts a proxy for the server at an address. watch, which may be nil, is called after
// each piece that was passed on.
func startProxy(t testing.TB, server string, watch func(sent, received int64)) *proxy {
	t.Helper()
	return listen(t, "127.0.0.1", &proxy{server: server, watch: watch})
}

// startProxyAt starts one at an address other than the loopback's.
func startProxyAt(t testing.TB, host, server string) *proxy {
	t.Helper()
	return listen(t, host, &proxy{server: server})
}

func listen(t testing.TB, host string, p *proxy) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	p.addr = listener.Addr().String()
	p.closed.L = &p.mu
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			p.count(1)
			running.Go(func() {
				defer p.count(-1)
				p.serve(client)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		running.Wait() // the program has ended, and so its connections have
	})
	return p
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	var both sync.WaitGroup
	both.Go(func() {
		_, _ = io.Copy(server, counting{client, p.send})
		_ = server.(*net.TCPConn).CloseWrite()
	})
	_, _ = io.Copy(client, counting{server, p.receive})
	_ = client.(*net.TCPConn).CloseWrite()
	both.Wait()
}

// counting passes on what it reads, and reports it.
type counting struct {
	io.Reader
	report func([]byte)
}

func (c counting) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.report(b[:n])
	return n, err
}

func (p *proxy) send(b []byte) {
	p.mu.Lock()
	p.sent += int64(len(b))
	if len(p.said) < keptSaid {
		p.said = append(p.said, b...)
	}
	p.mu.Unlock()
	p.look()
}

func (p *proxy) receive(b []byte) {
	p.mu.Lock()
	p.received += int64(len(b))
	p.mu.Unlock()
	p.look()
}

func (p *proxy) look() {
	if p.watch != nil {
		p.mu.Lock()
		sent, received := p.sent, p.received
		p.mu.Unlock()
		p.watch(sent, received)
	}
}

// settle waits until nothing is in transit. All processes that made connections must have ended.
func (p *proxy) settle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.open > 0 {
		p.closed.Wait()
	}
}

func (p *proxy) count(connections int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open += connections
	p.closed.Broadcast()
}

// reset begins to count again.
func (p *proxy) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent, p.received, p.said = 0, 0, nil
}

// traffic has the counts, and how often the program sent a word.
func (p *proxy) traffic(word string) (sent, received int64, times int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent, p.received, bytes.Count(p.said, []byte(word))
}

// heard returns what the program sent so far.
func (p *proxy) heard() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said
}
