package e2e_test

import (
	"bytes"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed"
)

// withoutUTF8 is a proxy that removes UTF8=ACCEPT from a server's capabilities until it is
// upgraded.
type withoutUTF8 struct {
	addr     string
	upgraded atomic.Bool
	hidden   atomic.Int64
}

func startWithoutUTF8(t *testing.T, server string) *withoutUTF8 {
	t.Helper()
	p := &withoutUTF8{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.addr = listener.Addr().String()
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(client, server)
		}
	}()
	return p
}

func (p *withoutUTF8) serve(client net.Conn, addr string) {
	defer client.Close()
	server, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client)
		_ = server.(*net.TCPConn).CloseWrite()
	}()
	b := make([]byte, 1<<16)
	for {
		n, err := server.Read(b)
		if said := b[:n]; !p.upgraded.Load() && bytes.Contains(said, []byte("CAPABILITY")) {
			p.hidden.Add(int64(bytes.Count(said, []byte(" UTF8=ACCEPT"))))
			copy(said, bytes.ReplaceAll(said, []byte(" UTF8=ACCEPT"), []byte(" XUTF=XXXXXX")))
		}
		if _, errWrite := client.Write(b[:n]); err != nil || errWrite != nil {
			return
		}
	}
}

// A server that offers UTF8=ACCEPT after an upgrade sends other bytes for the same names. Nothing
// is lost or downloaded for it.
func TestAServerThatLearnsUTF8(t *testing.T) {
	t.Parallel()
	m := testbed.Mox(t)
	p := startWithoutUTF8(t, m.Addr)
	c := login(t, m.Addr, m.User, m.Password)
	for _, raw := range []string{"Entw&APw-rfe 2", "R&-D", "Caf&AOk-/M&APw-nchen"} {
		c.do("CREATE "+quoted(raw), nil)
		for i := range 3 {
			body := "Subject: " + raw + "\r\n\r\n" + string(rune('a'+i)) + "\r\n"
			c.do("APPEND "+quoted(raw)+" {"+strconv.Itoa(len(body))+"+}\r\n"+body, nil)
		}
	}
	c.conn.Close()
	h := newHost(t)
	h.onDirectory()
	h.set("MAILSTRATA_IMAP_PASSWORD", m.Password)
	url := accountURL(m.User, p.addr)
	mine := []string{"--mailbox", "Entwürfe 2", "--mailbox", "R&D", "--mailbox", "Café"} // other tests use the account too
	first := h.backUp(0, url, mine...)
	before := h.must(0, "ls", "--json", "latest").stdout
	if p.hidden.Load() == 0 {
		t.Fatal("the server does not offer UTF8=ACCEPT")
	}
	p.upgraded.Store(true)
	second := h.backUp(0, url, mine...)
	if first.Messages != 9 || second.Messages != 9 || second.NewMessages != 0 || second.ByID != 0 || !second.Consistent {
		t.Errorf("before %+v, after %+v", first, second)
	}
	after := h.must(0, "ls", "--json", "latest").stdout
	for _, name := range []struct{ before, after string }{{"Entw&APw-rfe 2", "Entwürfe 2"}, {"R&-D", "R&D"}} {
		if !strings.Contains(before, `"raw":"`+name.before+`"`) || !strings.Contains(after, `"raw":"`+name.after+`"`) {
			t.Errorf("%q is not sent as %q after the upgrade:\n%s%s", name.before, name.after, before, after)
		}
	}
}
