package probe_test

import (
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/internal/probe"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// Of a real server, the certificate and the logins are known before a login. Its certificate is
// good only with its authority.
func TestDovecot(t *testing.T) {
	d := testbed.Dovecot(t, testbed.DovecotOptions{})
	_, text, _ := net.SplitHostPort(d.TLSAddr)
	port, _ := strconv.Atoi(text)
	s, err := probe.Find(t.Context(), "localhost", port, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.Security != imap.TLS || s.Untrusted == nil || !s.TakesPasswords() || s.TakesTokens() || !s.Has("IMAP4REV1") {
		t.Errorf("%+v", s)
	}
	if s, err = probe.Find(t.Context(), "localhost", port, d.RootCAs); err != nil || s.Untrusted != nil {
		t.Errorf("with its authority: %+v, %v", s, err)
	}
	ca, err := os.ReadFile(d.CAFile)
	if err != nil || strings.Contains(string(ca), string(probe.PEM(s.Presented[0]))) || len(probe.Fingerprint(s.Anchor())) != 95 {
		t.Errorf("the anchor is %v", s.Anchor().Subject)
	}
	_, text, _ = net.SplitHostPort(d.Addr)
	port, _ = strconv.Atoi(text)
	if s, err = probe.Find(t.Context(), "127.0.0.1", port, nil); err != nil || s.Security != imap.Plain || s.Presented != nil {
		t.Errorf("on the loopback without TLS: %+v, %v", s, err)
	}
}

// What is no mail server is an error, soon.
func TestNoServer(t *testing.T) {
	for what, says := range map[string]string{"another protocol": "220 hello\r\n", "an end": ""} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { listener.Close() })
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				_, _ = io.WriteString(conn, says)
				_ = conn.Close()
			}
		}()
		if s, err := probe.Find(t.Context(), "127.0.0.1", listener.Addr().(*net.TCPAddr).Port, nil); err == nil {
			t.Errorf("%s: %+v", what, s)
		}
	}
}
