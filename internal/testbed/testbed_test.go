package testbed_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

func TestObjectStores(t *testing.T) {
	for name, start := range map[string]func(testing.TB) testbed.S3{"minio": testbed.MinIO, "versitygw": testbed.Versitygw} {
		t.Run(name, func(t *testing.T) {
			one, two := start(t), start(t)
			if one != two {
				t.Errorf("two tests of one package have two servers: %s and %s", one.Endpoint, two.Endpoint)
			}
			resp, err := http.Get(one.Endpoint)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != http.StatusForbidden {
				t.Errorf("a request without credentials gets %s", resp.Status)
			}
		})
	}
}

// Dovecot serves what was delivered, with flags and dates, also after a restart.
func TestDovecot(t *testing.T) {
	d := testbed.Dovecot(t, testbed.DovecotOptions{Separator: "."})
	date := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	d.Deliver("anna", "INBOX", testbed.Message{Body: "Subject: a\r\n\r\na\r\n", Flags: []string{`\Seen`, "work"}, Date: date})
	d.Deliver("anna", "a.b", testbed.Message{Body: "Subject: b\r\n\r\nb\r\n"}, testbed.Message{Body: "Subject: c\r\n\r\nc\r\n"})
	d.Deliver("bob", "INBOX")

	d.Restart()
	got := d.Doveadm("fetch", "-u", "anna", "mailbox flags date.received.unixtime size.physical", "mailbox", "INBOX")
	for _, want := range []string{`\Seen`, "work", "981173106"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in what doveadm says:\n%s", want, got)
		}
	}
	if got := d.Doveadm("-f", "tab", "mailbox", "status", "-u", "anna", "messages", "a.b"); !strings.Contains(got, "a.b\t2") {
		t.Errorf("mailbox a.b: %s", got)
	}

	conn, err := tls.Dial("tcp", d.TLSAddr, &tls.Config{RootCAs: d.RootCAs})
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

// A Maildir is served as it is, whatever is in it.
func TestPutMaildir(t *testing.T) {
	d := testbed.Dovecot(t, testbed.DovecotOptions{})
	from := t.TempDir()
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.Mkdir(filepath.Join(from, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(from, "cur", "1.1.host:2,S"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	d.PutMaildir("carl", from)
	if got := d.Doveadm("-f", "tab", "mailbox", "status", "-u", "carl", "messages", "INBOX"); !strings.Contains(got, "INBOX\t1") {
		t.Errorf("INBOX: %s", got)
	}
}

// What a Dovecot is asked to be, it is: the formats keep mail, and the capabilities are no others.
func TestDovecotOptions(t *testing.T) {
	for _, o := range []testbed.DovecotOptions{
		{Format: "sdbox"}, {Format: "mbox"}, {Format: "mdbox"}, {IndexMemory: true},
		{Capability: "IMAP4rev1 UIDPLUS", Password: "another", Config: "imap_max_line_length = 32k"},
	} {
		d := testbed.Dovecot(t, o)
		d.Deliver("dora", "INBOX", testbed.Message{Body: "Subject: a\r\n\r\na\r\n"})
		if got := d.Doveadm("-f", "tab", "mailbox", "status", "-u", "dora", "messages", "INBOX"); !strings.Contains(got, "INBOX\t1") {
			t.Errorf("%+v: INBOX: %s", o, got)
		}
		conn, err := net.Dial("tcp", d.Addr)
		if err != nil {
			t.Fatal(err)
		}
		greeting, err := bufio.NewReader(conn).ReadString('\n')
		if conn.Close(); err != nil {
			t.Fatalf("%+v: %v; its log:\n%s", o, err, d.Log())
		}
		if limited := !strings.Contains(greeting, "SASL-IR"); limited != (o.Capability != "") {
			t.Errorf("%+v: the greeting is %s", o, greeting)
		}
	}
}

// The certificate of an expired Dovecot is refused.
func TestExpired(t *testing.T) {
	d := testbed.Dovecot(t, testbed.DovecotOptions{Expired: true})
	conn, err := tls.Dial("tcp", d.TLSAddr, &tls.Config{RootCAs: d.RootCAs})
	if err == nil {
		conn.Close()
		t.Fatal("the certificate has not expired")
	}
}

// mox takes messages for mailboxes of two levels.
func TestMox(t *testing.T) {
	m := testbed.Mox(t)
	m.Deliver(t, "Inbox", testbed.Message{Body: "Subject: hello\r\n\r\nhello\r\n", Flags: []string{`\Seen`}})
	m.Deliver(t, "Inbox/Deeper", testbed.Message{Body: "Subject: hello\r\n\r\nhello\r\n"})
}

// Cyrus takes messages with both hierarchies.
func TestCyrus(t *testing.T) {
	for _, dots := range []bool{false, true} {
		c := testbed.Cyrus(t, testbed.CyrusOptions{Dots: dots})
		c.Deliver(t, "anna", "INBOX", testbed.Message{Body: "Subject: hello\r\n\r\nhello\r\n", Flags: []string{`\Seen`}})
		c.Deliver(t, "bert", map[bool]string{true: "INBOX.deeper", false: "deeper"}[dots], testbed.Message{Body: "Subject: hello\r\n\r\nhello\r\n"})
	}
}

func TestCyrusHTTP(t *testing.T) {
	c := testbed.Cyrus(t, testbed.CyrusOptions{HTTP: true})
	c.Deliver(t, "anna", "INBOX", testbed.Message{Body: "Subject: hello\r\n\r\nhello\r\n"})
	for path, want := range map[string]string{
		"/jmap/":                            "urn:ietf:params:jmap:mail",
		"/dav/calendars/user/anna/":         "/dav/calendars/user/anna/Default/",
		"/dav/addressbooks/user/anna/":      "/dav/addressbooks/user/anna/Default/",
		"/dav/addressbooks/user/anna/none/": "404",
	} {
		request, err := http.NewRequest(http.MethodGet, c.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(path, "/dav/") {
			request.Method = "PROPFIND"
			request.Header.Set("Depth", "1")
		}
		request.SetBasicAuth("anna", c.Password)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if answer := response.Status + string(body); err != nil || !strings.Contains(answer, want) {
			t.Errorf("%s: %s, %v", path, answer, err)
		}
	}
}

// Courier takes messages for several users.
func TestCourier(t *testing.T) {
	c := testbed.Courier(t)
	c.Deliver(t, "anna", "INBOX", testbed.Message{Body: "Subject: hello\r\n\r\nhello\r\n", Flags: []string{`\Seen`}})
	c.Deliver(t, "bert", "INBOX.deeper", testbed.Message{Body: "Subject: hello\r\n\r\nhello\r\n"})
}
