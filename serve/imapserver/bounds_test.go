package imapserver_test

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
	"github.com/mailstrata/mailstrata/serve/imapserver"
)

// manyMessages archives an account with as many messages, and mailboxes with long names.
func manyMessages(t *testing.T, n int) *client {
	t.Helper()
	a := archivetest.NewAccount()
	for i := range n {
		a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: %d\r\n\r\ntext\r\n", i))
	}
	for i := range 100 {
		a.Mailbox(fmt.Sprint(strings.Repeat("a", 150), "/", i))
	}
	r := archivetest.NewRepo(t, new(storetest.Memory))
	archivetest.Backup(t, r, a)
	return login(t, serve(t, r, imapserver.Limits{}), account)
}

// Commands as long as they may be, made to take long, take a moment: each would take minutes if its
// parts were compared one by one.
func TestLongCommands(t *testing.T) {
	c := manyMessages(t, 5000)
	c.conn.SetDeadline(time.Now().Add(10 * time.Minute))
	c.want("SELECT INBOX", "x OK")
	alternate := func(a, b string, n int) string { return strings.Repeat(a+b, n) }
	var sets, nested strings.Builder
	for n := range 150_000 {
		fmt.Fprint(&sets, ",", 1+n*2%4000)
	}
	for range 30 {
		nested.WriteString("NOT (OR ANSWERED ")
	}
	for command, want := range map[string]string{
		"LIST \"\" " + alternate("*", "%", 500_000):                       "* LIST",
		"LIST \"\" " + alternate("*", "a", 500_000):                       "x OK",
		"LIST \"\" \"" + alternate("%", "/", 500_000) + "\"":              "x OK",
		"LIST \"\" (" + strings.Repeat("% ", 100) + "x)":                  "x BAD",
		"STATUS INBOX (" + strings.Repeat("UNSEEN ", 140_000) + "UNSEEN)": "* STATUS INBOX (UNSEEN 5000)",
		"FETCH 1" + sets.String() + " FLAGS":                              "* 1 FETCH",
		"UID FETCH 1" + sets.String() + " FLAGS":                          "* 1 FETCH",
		"SEARCH NOT 1" + sets.String():                                    "* SEARCH 2 4 6",
		"UID SEARCH UID 1" + sets.String():                                "* SEARCH 1 3 5",
		"SEARCH " + nested.String() + "SEEN" + strings.Repeat(")", 30):    "x BAD",
		"SEARCH " + strings.Repeat("NOT ", 30) + "SEEN":                   "* SEARCH\n",
		"SEARCH " + strings.Repeat("NOT ", 100_000) + "SEEN":              "x BAD",
		"SEARCH " + strings.Repeat("SEEN ", 100_000) + "SEEN":             "x BAD",
	} {
		began := time.Now()
		lines := strings.Join(c.do(command), "\n")
		if took := time.Since(began); took > time.Minute {
			t.Errorf("%.40s takes %v", command, took)
		}
		if !strings.Contains("\n"+lines, "\n"+want) {
			t.Errorf("%.40s: %.200q, want %q", command, lines, want)
		}
	}
}

// A FETCH that names the same bytes often does not take more memory.
func TestFetchOfEverythingOften(t *testing.T) {
	a := archivetest.NewAccount()
	const size, messages, items = 200_000, 8, 40
	for range messages {
		a.Mailbox("INBOX").Add("X: " + strings.Repeat("x", size) + "\r\n\r\n" + strings.Repeat("y", size))
	}
	r := archivetest.NewRepo(t, new(storetest.Memory))
	archivetest.Backup(t, r, a)
	c := login(t, serve(t, r, imapserver.Limits{}), account)
	c.conn.SetDeadline(time.Now().Add(10 * time.Minute))
	c.want("SELECT INBOX", "x OK")
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // little of what is measured is garbage
	for _, section := range []string{"BODY[]", "BODY[HEADER]", "BODY[TEXT]"} {
		runtime.GC()
		stop, done := make(chan bool), make(chan uint64)
		go func() { // the test reads with little memory, so most is the server's
			var most uint64
			for {
				select {
				case <-stop:
					done <- most
					return
				case <-time.After(5 * time.Millisecond):
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					most = max(most, m.HeapAlloc)
				}
			}
		}()
		fmt.Fprintf(c.conn, "x FETCH 1:* (%s)\r\n", strings.TrimSpace(strings.Repeat(section+" ", items)))
		read := 0
		for {
			line, err := c.r.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if read += len(line); strings.HasPrefix(line, "x ") {
				break
			}
		}
		close(stop)
		if most := <-done; read < size*messages*items || most > 120<<20 {
			t.Errorf("%s: %d MB are read, and memory grows to %d MB", section, read>>20, most>>20)
		} else {
			t.Logf("%s: %d MB, memory %d MB", section, read>>20, most>>20)
		}
	}
}
