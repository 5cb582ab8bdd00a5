package floods_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/imapclient"
	"github.com/mailstrata/mailstrata/mail"
)

// flooding is a server that answers one command with text from more, without end, and the others
// correctly.
func flooding(t *testing.T, verb string, more func(n int) string) *imap.Options {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go flood1(conn, verb, more)
		}
	}()
	return &imap.Options{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Security: imap.Plain, User: "anna", Password: "secret", Stall: 20 * time.Second}
}

func flood1(conn net.Conn, verb string, more func(n int) string) {
	defer conn.Close()
	w := bufio.NewWriterSize(conn, 64<<10)
	fmt.Fprint(w, "* PREAUTH [CAPABILITY IMAP4rev1 ESEARCH QUOTA NAMESPACE] ready\r\n")
	w.Flush()
	in := bufio.NewScanner(conn)
	for in.Scan() {
		tag, command, _ := strings.Cut(in.Text(), " ")
		if strings.HasPrefix(command, verb) {
			for n := 0; ; n++ {
				if _, err := io.WriteString(w, more(n)); err != nil {
					return
				}
			}
		}
		if strings.HasPrefix(command, "EXAMINE") {
			fmt.Fprint(w, "* 4294967295 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 4294967295] x\r\n")
		}
		fmt.Fprintf(w, "%s OK done\r\n", tag)
		w.Flush()
	}
}

// Whatever a server answers to a command, its memory is limited, and so is the time. The error
// names the cause and is not a lost connection.
func TestFloods(t *testing.T) {
	long := strings.Repeat("x", 60_000)
	line := func(format string) func(int) string { return func(n int) string { return fmt.Sprintf(format, n+1) } }
	survey := func(ctx context.Context, c *imapclient.Client) error { _, err := c.Survey(ctx, nil); return err }
	noop := func(ctx context.Context, c *imapclient.Client) error { return c.Noop(ctx) }
	quotas := func(ctx context.Context, c *imapclient.Client) error { _, err := c.Quota(ctx); return err }
	uids := func(ctx context.Context, c *imapclient.Client) error {
		m, err := c.Examine(ctx, "INBOX")
		if err != nil {
			return err
		}
		_, err = m.UIDs(ctx, mail.UIDRange{First: 1, Last: math.MaxUint32})
		return err
	}
	flags := func(ctx context.Context, c *imapclient.Client) error {
		m, err := c.Examine(ctx, "INBOX")
		if err != nil {
			return err
		}
		for _, err := range m.Messages(ctx, mail.UIDRange{First: 1, Last: math.MaxUint32}) {
			if err != nil {
				return err
			}
		}
		return nil
	}
	backwards := func(n int) string { return fmt.Sprintf("* SEARCH %d\r\n", math.MaxUint32-2*uint64(n)) }
	for name, flood := range map[string]struct {
		verb string
		more func(int) string
		ask  func(context.Context, *imapclient.Client) error
	}{
		"mailboxes":              {"LIST", line("* LIST () \"/\" %d\r\n"), survey},
		"long names":             {"LIST", line("* LIST () \"/\" \"%d" + long + "\"\r\n"), survey},
		"names too long":         {"LIST", line("* LIST () \"/\" \"%d" + long + long + "\"\r\n"), survey},
		"long literals":          {"LIST", line("* LIST () \"/\" {60000}\r\n" + long[:59990] + "%010d\r\n"), survey},
		"attributes":             {"LIST", line("* LIST (" + strings.Repeat(`\a `, 30_000) + ") \"/\" %d\r\n"), survey},
		"lines without names":    {"LIST", line("* LIST () %d\r\n"), survey},
		"subscriptions":          {"LSUB", line("* LSUB () \"/\" %d\r\n"), survey},
		"unasked statuses":       {"LIST", line("* STATUS %d (MESSAGES 1 UIDNEXT 1 UIDVALIDITY 1)\r\n"), survey},
		"unasked texts":          {"NOOP", line("* OK still here %d\r\n"), noop},
		"unasked capabilities":   {"NOOP", line("* CAPABILITY IMAP4rev1 X%d\r\n"), noop},
		"one long line":          {"NOOP", func(int) string { return long }, noop},
		"goes on":                {"NOOP", func(int) string { return "+ go on\r\n" }, noop},
		"others' answers":        {"NOOP", line("X%d OK done\r\n"), noop},
		"unrequested bodies":     {"NOOP", func(int) string { return "* 1 FETCH (BODY[] {60000}\r\n" + long + ")\r\n" }, noop},
		"namespaces":             {"NAMESPACE", line("* NAMESPACE ((\"%d\" \"/\")) NIL NIL\r\n"), survey},
		"quotas":                 {"GETQUOTAROOT", line("* QUOTA a (STORAGE %d 5)\r\n"), quotas},
		"scattered SEARCH":       {"UID SEARCH", line("* SEARCH %d0\r\n"), uids},
		"SEARCH backwards":       {"UID SEARCH", backwards, uids},
		"one endless SEARCH":     {"UID SEARCH", func(n int) string { return strings.Repeat("* SEARCH", 1/(n+1)) + fmt.Sprint(" ", 2*n+1) }, uids},
		"one endless ESEARCH":    {"UID SEARCH", func(n int) string { return strings.Repeat("* ESEARCH UID ALL 1", 1/(n+1)) + fmt.Sprint(",", 2*n+1) }, uids},
		"unasked VANISHED":       {"NOOP", func(n int) string { return fmt.Sprintf("* VANISHED %d\r\n", n+1) }, noop},
		"messages":               {"UID FETCH", line("* %[1]d FETCH (UID %[1]d0 FLAGS () INTERNALDATE \"\" RFC822.SIZE 1)\r\n"), flags},
		"one message repeatedly": {"UID FETCH", line("* 1 FETCH (UID 1 FLAGS () INTERNALDATE \"%d\" RFC822.SIZE 1)\r\n"), flags},
		"many keywords": {"UID FETCH", func(n int) string {
			return fmt.Sprintf("* %[1]d FETCH (UID %[1]d FLAGS (k%[1]d %[2]s))\r\n", n+1, many)
		}, flags},
		"too many keywords": {"UID FETCH", func(n int) string {
			return fmt.Sprintf("* %[1]d FETCH (UID %[1]d FLAGS (%[2]s))\r\n", n+1, strings.Repeat(many, 3))
		}, flags},
		"keywords of no message": {"UID FETCH", func(n int) string { return fmt.Sprintf("* %d FETCH (FLAGS (k%d %s))\r\n", n+1, n, many) }, flags},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := imapclient.Dial(t.Context(), flooding(t, flood.verb, flood.more))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			peak := watchHeap(t)
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			err = flood.ask(ctx, c)
			if !errors.Is(err, mail.ErrFlood) || errors.Is(err, mail.ErrTemporary) {
				t.Errorf("it ends with %v", err)
			}
			if most := peak(); most > 100<<20 {
				t.Errorf("it takes %d MiB", most>>20)
			}
			t.Logf("%v, %d MiB: %v", time.Since(began).Round(time.Millisecond), peak()>>20, err)
		})
	}
}

// many are thirty thousand keywords.
var many = func() string {
	var b strings.Builder
	for i := range 30_000 {
		fmt.Fprintf(&b, "k-%d ", i)
	}
	return b.String()
}()

// watchHeap returns a function that returns the most memory that was in use.
func watchHeap(t *testing.T) (peak func() uint64) {
	t.Helper()
	t.Cleanup(func(limit int64) func() { return func() { debug.SetMemoryLimit(limit) } }(debug.SetMemoryLimit(64 << 20)))
	stop, done := make(chan struct{}), make(chan struct{})
	var most uint64
	go func() {
		defer close(done)
		for {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapInuse)
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	ended := false
	return func() uint64 {
		if !ended {
			close(stop)
			<-done
			ended = true
		}
		return most
	}
}
