package imap

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/internal/retry"
	"github.com/mailstrata/mailstrata/mail"
)

// Each way to log in sends what its RFC asks for.
func TestLogin(t *testing.T) {
	withToken := func(o *Options) { o.Token = func(context.Context) (string, error) { return "tok", nil } }
	for _, test := range []struct {
		name   string
		server script
		with   func(*Options)
	}{
		{"command", script{"* OK [CAPABILITY IMAP4rev1] ready", `< LOGIN "anna" "secret"`, "TAG OK [CAPABILITY IMAP4rev1] in"}, nil},
		{"plain", script{"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready", "< AUTHENTICATE PLAIN AGFubmEAc2VjcmV0", "* CAPABILITY IMAP4rev1", "TAG OK in"}, nil},
		{"plain without SASL-IR", script{"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN LOGINDISABLED] ready", "< AUTHENTICATE PLAIN", "+", "<AGFubmEAc2VjcmV0", "TAG OK in", "< CAPABILITY", "* CAPABILITY IMAP4rev1", "TAG OK x"}, nil},
		{"login", script{"* OK [CAPABILITY IMAP4rev1 AUTH=LOGIN] ready", "< AUTHENTICATE LOGIN", "+ VXNlcm5hbWU6", "<YW5uYQ==", "+ UGFzc3dvcmQ6", "<c2VjcmV0", "TAG OK [CAPABILITY IMAP4rev1] in"}, nil},
		{"oauthbearer", script{"* OK [CAPABILITY IMAP4rev1 AUTH=OAUTHBEARER AUTH=XOAUTH2 SASL-IR] ready", "< AUTHENTICATE OAUTHBEARER …", "TAG OK [CAPABILITY IMAP4rev1] in"}, withToken},
		{"xoauth2", script{"* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR] ready", "< AUTHENTICATE XOAUTH2 dXNlcj1hbm5hAWF1dGg9QmVhcmVyIHRvawEB", "TAG OK [CAPABILITY IMAP4rev1] in"}, withToken},
		{"capabilities asked", script{"* OK ready", "< CAPABILITY", "* CAPABILITY IMAP4rev1", "TAG OK x", "< LOGIN …", "TAG OK in", "< CAPABILITY", "* CAPABILITY IMAP4rev1", "TAG OK x"}, nil},
		{"a password of 8 bits", script{"* OK [CAPABILITY IMAP4rev1] ready", `< LOGIN "anna" {3}`, "+ go", "<{3}", "<", "TAG OK [CAPABILITY IMAP4rev1] in"}, func(o *Options) { o.Password = "pä" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			opts := serve(t, test.server)
			if test.with != nil {
				test.with(opts)
			}
			connect(t, opts)
		})
	}
}

// The error of a refused login names the user and the host, and differs from that of a busy server.
// It never has the secret, even if the server repeats it.
func TestLoginRefused(t *testing.T) {
	const ready = "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready"
	for _, test := range []struct {
		name   string
		server script
		is     error
		says   string
	}{
		{"wrong password", script{ready, "< AUTHENTICATE PLAIN …", "TAG NO [AUTHENTICATIONFAILED] secret is wrong."}, ErrLogin, " is wrong)"},
		{"no code", script{ready, "< AUTHENTICATE PLAIN …", "TAG NO no", `< LOGIN "anna" "secret"`, "TAG NO no"}, ErrLogin, "does not accept the password of anna ("},
		{"busy", script{ready, "< AUTHENTICATE PLAIN …", "TAG NO [UNAVAILABLE] later"}, mail.ErrTemporary, "later"},
		{"turned away", script{ready, "< AUTHENTICATE PLAIN …", "* BYE too many connections", "!"}, mail.ErrTemporary, "too many connections"},
		{"not welcome", script{"* BYE closed", "!"}, mail.ErrTemporary, "closed"},
		{"no passwords", script{"* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] ready"}, ErrLogin, "allows no login with a password"},
		{"not IMAP", script{"220 smtp ready"}, nil, "does not speak IMAP"},
		{"hangs up", script{"!"}, mail.ErrTemporary, "closed the connection"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var trace bytes.Buffer
			opts := serve(t, test.server)
			opts.Trace = &trace
			_, err := dial(t, opts)
			if err == nil || test.is != nil && !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("have %v", err)
			}
			for _, leak := range []string{"secret", "c2VjcmV0"} {
				if err != nil && strings.Contains(err.Error(), leak) {
					t.Errorf("the secret is in the error: %v", err)
				}
			}
			if strings.Contains(trace.String(), "c2VjcmV0") {
				t.Errorf("the secret is in the trace: %s", trace.String())
			}
		})
	}
}

// No part of the secret is in the trace or in an error, whatever its characters, and however the
// server repeats it.
func TestSecretsStaySecret(t *testing.T) {
	const password = `open sesame "two"`
	const initial = "AMOkbm5hAG9wZW4gc2VzYW1lICJ0d28i"
	for name, server := range map[string]script{
		"after a literal": {"* OK [CAPABILITY IMAP4rev1 LITERAL+] ready", "< LOGIN {5+}", "<{5}", `< "open sesame \"two\""`, `TAG BAD what is "open sesame \"two\""?`},
		"repeated base64": {"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready", "< AUTHENTICATE PLAIN " + initial, "* OK you said " + initial, "TAG BAD what is " + initial + "?"},
		"repeated":        {"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready", "< AUTHENTICATE PLAIN", "+", "<" + initial, "TAG NO [ALERT] " + initial + " " + password},
	} {
		t.Run(name, func(t *testing.T) {
			var trace bytes.Buffer
			opts := serve(t, server)
			opts.Trace, opts.User, opts.Password = &trace, "änna", password
			_, err := dial(t, opts)
			if err == nil || !strings.Contains(trace.String(), "C1: M1 ") {
				t.Fatalf("have %v, trace %s", err, trace.String())
			}
			for _, leak := range []string{"open", "sesame", "two", initial} {
				if strings.Contains(err.Error()+trace.String(), leak) {
					t.Errorf("%q of the secret leaks: %v\n%s", leak, err, trace.String())
				}
			}
		})
	}
}

// A canceled call ends at once, even if the server neither sends nor receives: TLS sends no alert
// to it.
func TestCanceledDuringSilence(t *testing.T) {
	web := httptest.NewTLSServer(nil) // for its certificate
	defer web.Close()
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	ours, theirs := net.Pipe() // which holds nothing: who writes waits for who reads
	defer theirs.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		server := tls.Server(theirs, &tls.Config{Certificates: web.TLS.Certificates})
		bufio.NewReader(server).ReadString('\n')
		cancel()
	}()
	c := newConn(&Options{Host: "example.com", RootCAs: roots, Stall: time.Hour}, &quirks{}, ours, 1)
	if err := (&handshake{c}).secure(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.Do(ctx, NewCommand("NOOP")); !errors.Is(err, context.Canceled) {
		t.Errorf("have %v", err)
	}
}

// A server that waits for TLS while the client waits for its greeting is not taken for a silent
// one, and not tried again. The user hears of it soon. A server that is only slow to greet is
// waited for.
func TestSilenceForTLS(t *testing.T) {
	web := httptest.NewTLSServer(nil) // for its certificate
	web.Close()
	synctest.Test(t, func(t *testing.T) {
		opts := &Options{Host: "127.0.0.1", Security: StartTLS, Stall: time.Minute}
		opts.Dial = func(context.Context, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				defer theirs.Close()
				_ = tls.Server(theirs, &tls.Config{Certificates: web.TLS.Certificates}).Handshake()
			}()
			return ours, nil
		}
		began := time.Now()
		_, err := dial(t, opts)
		if err == nil || errors.Is(err, mail.ErrTemporary) || !strings.Contains(err.Error(), "write imaps://") || time.Since(began) > 10*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		opts := &Options{Host: "127.0.0.1", Security: Plain}
		opts.Dial = func(context.Context, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				defer theirs.Close()
				time.Sleep(25 * time.Second)
				fmt.Fprint(theirs, "* PREAUTH [CAPABILITY IMAP4rev1] ready\r\n")
				io.Copy(io.Discard, theirs)
			}()
			return ours, nil
		}
		c, err := dial(t, opts)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		time.Sleep(time.Minute) // until the server has seen that the client left
	})
}

// Nothing is sent in plain text unless that is allowed, and nothing that came before STARTTLS is
// believed.
func TestPlainText(t *testing.T) {
	if _, err := dial(t, &Options{Host: "mail.example.org", Security: Plain}); !errors.Is(err, ErrInsecure) {
		t.Errorf("plain text off the loopback: %v", err)
	}
	for name, server := range map[string]script{
		"refused":  {"* OK [CAPABILITY IMAP4rev1] ready", "< STARTTLS", "TAG BAD no"},
		"injected": {"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready", "< STARTTLS", "TAG OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN"},
		"preauth":  {"* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] ready"},
	} {
		opts := serve(t, server)
		opts.Security = StartTLS
		if _, err := dial(t, opts); !errors.Is(err, ErrInsecure) {
			t.Errorf("%s: %v", name, err)
		}
	}
	opts := serve(t, script{"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready", "< STARTTLS", "!"})
	opts.Security = StartTLS
	if _, err := dial(t, opts); errors.Is(err, ErrInsecure) || !errors.Is(err, mail.ErrTemporary) {
		t.Errorf("a connection lost at STARTTLS: %v", err)
	}
}

// The server's words decide what kind of error a refusal is.
func TestErrorKinds(t *testing.T) {
	for _, test := range []struct {
		answer string
		is     []error
		after  time.Duration
	}{
		{"NO [NONEXISTENT] gone", []error{mail.ErrNoMailbox, mail.ErrRefused}, 0},
		{"NO Mailbox doesn't exist: x", []error{mail.ErrNoMailbox, mail.ErrRefused}, 0},
		{"NO Mailbox does not exist, or must be subscribed to.", []error{mail.ErrNoMailbox, mail.ErrRefused}, 0}, // Courier
		{"NO storage backend of this mailbox not found, try later", []error{mail.ErrRefused}, 0},
		{"NO no such mailbox", []error{mail.ErrRefused}, 0},
		{"NO [NOPERM] no", []error{mail.ErrRefused}, 0},
		{"BAD what", []error{mail.ErrRefused}, 0},
		{"NO [LIMIT] slow down", []error{mail.ErrTemporary}, 0},
		{"NO [INUSE] x", []error{mail.ErrTemporary}, 0},
		{"NO [SERVERBUG] x", []error{mail.ErrTemporary}, 0},
		{"NO [OVERQUOTA] x", []error{ErrOverQuota, mail.ErrRefused}, 0},
		{"NO Over quota", []error{ErrOverQuota, mail.ErrRefused}, 0},                            // Cyrus
		{"NO [ALERT] You exceeded your mail quota.", []error{ErrOverQuota, mail.ErrRefused}, 0}, // Courier
		{"NO [NOPERM] you may not set this quota over", []error{mail.ErrRefused}, 0},
		{"BAD Request is throttled. Suggested Backoff Time: 2500 milliseconds", []error{mail.ErrTemporary}, 2500 * time.Millisecond},
		{"NO Suggested Backoff Time: 999999999", []error{mail.ErrTemporary}, longestBackoff},
		{"NO User is authenticated but not connected.", []error{mail.ErrTemporary}, 0},
	} {
		c := connect(t, serve(t, loggedIn("", "< EXAMINE …", "TAG "+test.answer, "< NOOP", "TAG OK still here")))
		err := c.Do(t.Context(), NewCommand("EXAMINE").Mailbox("x"))
		for _, is := range []error{mail.ErrNoMailbox, mail.ErrRefused, mail.ErrTemporary, ErrOverQuota, ErrLogin} {
			want := false
			for _, w := range test.is {
				want = want || w == is
			}
			if errors.Is(err, is) != want {
				t.Errorf("%s: is it %v? %v", test.answer, is, !want)
			}
		}
		if retry.Suggested(err) != test.after {
			t.Errorf("%s: to be left alone for %v", test.answer, retry.Suggested(err))
		}
		if err := c.Do(t.Context(), NewCommand("NOOP")); err != nil {
			t.Errorf("%s: the connection is of no more use: %v", test.answer, err)
		}
	}
}

// If what the server sends cannot be followed, the error says what came, and not that the network
// lost the connection.
func TestOutOfStep(t *testing.T) {
	const begin = "* 1 FETCH (UID 1 BODY[] {5}\r\nSubject: x\r\n)"
	for _, test := range []struct {
		answer    []string
		want      string
		outOfStep bool
	}{
		{[]string{begin, "TAG OK x"}, `127.0.0.1: UID FETCH: the server's answer cannot be read: it announces "BODY[] {5}", and neither another ` +
			`attribute nor the end of the list follows after 5 bytes`, true},
		{[]string{"* NO out of memory", begin}, "follows after 5 bytes (before that it said: NO out of memory)", true},
		{[]string{"* 1 FETCH (UID 1 BODY[] {50}\r\nSubject: x", "!"}, "lost the connection to 127.0.0.1 during UID FETCH: " +
			"the server closed the connection within an answer (unexpected EOF), after 12 of the 50 bytes of BODY[]", false},
		{[]string{"HTTP/1.1 502 Bad Gateway", "!"}, "lost the connection to 127.0.0.1 during UID FETCH: " +
			`the server closed the connection, after a line that answers no command and begins with "HTTP/1.1 502 Bad Gateway"`, false},
	} {
		c := connect(t, serve(t, loggedIn("", append([]string{"< UID FETCH"}, test.answer...)...)))
		cmd := NewCommand("UID FETCH")
		cmd.OnBody = func(b *wire.BodyLiteral) error {
			_, err := io.ReadAll(c.BodyReader(b))
			return err
		}
		err := c.Do(t.Context(), cmd)
		if err == nil || !strings.HasSuffix(err.Error(), test.want) || errors.Is(err, ErrOutOfStep) != test.outOfStep || !errors.Is(err, mail.ErrTemporary) {
			t.Errorf("have %v\nwant %s", err, test.want)
		}
	}
}

// The client gives up a silent server, and any server when the context ends.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opts := serveInBubble(t, loggedIn("", "< EXAMINE …"), script{})
		opts.Stall = time.Minute
		if err := connect(t, opts).Do(t.Context(), NewCommand("EXAMINE").Mailbox("x")); !errors.Is(err, mail.ErrTemporary) || !strings.Contains(err.Error(), "nothing moved for 1m0s") {
			t.Errorf("have %v", err)
		}
		if _, err := dial(t, opts); !errors.Is(err, mail.ErrTemporary) || !strings.Contains(err.Error(), "no greeting came") {
			t.Errorf("no greeting: %v", err)
		}
	})
	c := connect(t, serve(t, loggedIn("")))
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("why")
	cancel(why)
	if err := c.Do(ctx, NewCommand("EXAMINE").Mailbox("x")); !errors.Is(err, why) {
		t.Errorf("have %v", err)
	}
}

func TestParseURL(t *testing.T) {
	for _, test := range []struct {
		url     string
		address string
		user    string
		how     Security
	}{
		{"imaps://anna@mail.example.org", "mail.example.org:993", "anna", TLS},
		{"imaps://anna%40example.org@mail.example.org:1993/", "mail.example.org:1993", "anna@example.org", TLS},
		{"imap://anna@mail.example.org", "mail.example.org:143", "anna", StartTLS},
		{"imap://anna@127.0.0.1:3143", "127.0.0.1:3143", "anna", Plain},
		{"imap://anna@[::1]", "[::1]:143", "anna", Plain},
		{`imap://DOMAIN\anna@LOCALHOST:3143`, "LOCALHOST:3143", `DOMAIN\anna`, Plain},
		{"imaps://DOMAIN%5Canna@host", "host:993", `DOMAIN\anna`, TLS},
		{"IMAPS://an na@host", "host:993", "an na", TLS},
		{"imaps://a#b?c/d@host", "host:993", "a#b?c/d", TLS},
		{"imaps://ännä@example.org@host", "host:993", "ännä@example.org", TLS},
	} {
		o, err := ParseURL(test.url)
		if err != nil || o.Address() != test.address || o.User != test.user || o.Security != test.how {
			t.Errorf("%s: have %+v, %v", test.url, o, err)
		}
	}
	for _, bad := range []string{"", "anna@host", "https://anna@host", "imaps://host", "imaps://anna@", "imaps://anna:secret@host", "imaps://anna@host:0", "imaps://anna@host/INBOX", "imaps://anna:secret@host:x", "imaps://anna:secret", "anna:secret@host", " imaps://anna@host", "imaps://anna@host ", "imaps://an%zna@host", "imaps://an%0Ana@host", "imaps://anna@ho st"} {
		if _, err := ParseURL(bad); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, err := ParseURL("imap://anna@mail.example:993"); err == nil || !strings.Contains(err.Error(), "imaps://") {
		t.Errorf("STARTTLS at the port for TLS: %v", err)
	}
	if _, err := ParseURL("imaps://anna@host:notaport"); err == nil || !strings.Contains(err.Error(), `"notaport"`) {
		t.Errorf("the error does not say what is wrong: %v", err)
	}
}

// If nothing listens at an address, the error is temporary.
func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	_, err = dial(t, &Options{Host: "127.0.0.1", Port: port, Security: Plain})
	if !errors.Is(err, mail.ErrTemporary) || !strings.HasPrefix(err.Error(), "cannot reach 127.0.0.1:") {
		t.Errorf("have %v", err)
	}
}

// A server that offers COMPRESS, and then sends what cannot be decompressed, is read without it.
func TestBrokenCompression(t *testing.T) {
	const ready = "* PREAUTH [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] ready"
	broken := script{ready, "< COMPRESS DEFLATE", "TAG OK now", "* 0 EXISTS", "!"}
	opts := serve(t, broken, broken, script{ready, "< NOOP", "TAG OK done"})
	opts.Compress = true
	d := NewDialer(*opts)
	for attempt := range 3 {
		c, err := d.Dial(t.Context(), true)
		if err != nil {
			t.Fatal(err)
		}
		err = c.Do(t.Context(), NewCommand("NOOP"))
		if last := attempt == 2; last != (err == nil) || !last && !errors.Is(err, mail.ErrTemporary) {
			t.Errorf("attempt %d: %v", attempt+1, err)
		}
		c.Close()
	}
}
