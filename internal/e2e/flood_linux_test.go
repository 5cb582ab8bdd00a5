package e2e_test

import (
	"bufio"
	"compress/flate"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/mail"
)

// flood is a server that attacks: it answers a command that begins with begin with what more
// returns, without end or until "".
type flood struct {
	verb   string
	more   func(n int) string
	body   string // of message 2; the server then lists the messages, and answers for them
	live   bool   // what more gives is sent at once
	packed bool   // the connection is compressed
	exists int
	status int // how the backup ends
	says   string
}

// keywords are thirty thousand short ones.
var keywords = strings.Repeat("k ", 10_000) + strings.Repeat("l-12 ", 20_000)

func each(format string) func(int) string {
	return func(n int) string { return fmt.Sprintf(format, n+1) }
}

var floods = map[string]flood{
	"short names":     {verb: "LIST", more: each("* LIST () \"/\" %d\r\n"), status: 1, says: "mailboxes"},
	"long names":      {verb: "LIST", more: each("* LIST () \"/\" \"%d" + strings.Repeat("x", 60_000) + "\"\r\n"), status: 1, says: "mailboxes"},
	"names too long":  {verb: "LIST", more: each("* LIST () \"/\" \"%d" + strings.Repeat("x", 1_000_000) + "\"\r\n"), status: 1, says: "name"},
	"large literal":   {verb: "LIST", more: func(int) string { return "* LIST () \"/\" {1000000}\r\n" + strings.Repeat("x", 1_000_000) + "\r\n" }, status: 1, says: "literal"},
	"subscriptions":   {verb: "LSUB", more: each("* LSUB () \"/\" %d\r\n"), status: 1, says: "subscriptions"},
	"texts":           {verb: "LIST", more: func(int) string { return strings.Repeat("* OK still here\r\n", 1000) }, status: 1, says: "answer no command"},
	"capabilities":    {verb: "CAPABILITY", more: each("* CAPABILITY IMAP4rev1 " + strings.Repeat("X ", 10_000) + "%d\r\n"), status: 1, says: "answer no command"},
	"greetings":       {verb: "", more: func(int) string { return strings.Repeat("x", 64<<10) }, status: 1, says: "response"},
	"goes on":         {verb: "LOGIN", more: func(int) string { return strings.Repeat("+ \r\n", 1000) }, status: 1, says: "answer no command"},
	"EXAMINE":         {verb: "EXAMINE", more: func(int) string { return "* FLAGS (" + keywords + ")\r\n" }, exists: 3, status: 1, says: "answer no command"},
	"keywords":        {verb: "UID FETCH", exists: 300, more: each("* %[1]d FETCH (UID %[1]d INTERNALDATE \"\" RFC822.SIZE 9 FLAGS (k%[1]d " + keywords + "))\r\n"), status: 1, says: "UID FETCH: the server sent more"},
	"other keywords":  {verb: "UID FETCH", exists: 2000, more: each("* %[1]d FETCH (UID %[1]d INTERNALDATE \"\" RFC822.SIZE 9 FLAGS (k%[1]d " + strings.Repeat("abc ", 1000) + "))\r\n"), status: 1, says: "UID FETCH: the server sent more"},
	"endless numbers": {verb: "UID FETCH", exists: 4294967295, more: each("* %[1]d FETCH (UID %[1]d0 FLAGS () INTERNALDATE \"\" RFC822.SIZE 1)\r\n"), status: 1, says: "ranges"},
	"bodies":          {verb: "UID FETCH", exists: 2000, more: each("* %[1]d FETCH (BODY[] {60000}\r\n" + strings.Repeat("x", 60_000) + ")\r\n"), status: 1, says: "answer no command"},
	"many mailboxes":  {verb: "LIST", more: upTo(50_000, "* LIST () \"/\" %d\r\n"), status: 0},
	"endless body":    {body: "{1099511627776}\r\n", exists: 5, status: 3, says: "1099511627776 bytes"},
	"absurd body":     {body: "{99999999999999999999999}\r\n", exists: 5, status: 3, says: "announces 9223372036854775807 bytes"},
	"packed texts":    {verb: "LIST", packed: true, more: func(int) string { return strings.Repeat("* OK still here\r\n", 1000) }, status: 1, says: "answer no command"},
	"packed line":     {verb: "LIST", packed: true, more: func(int) string { return strings.Repeat("x", 64<<10) }, status: 1, says: "response"},
	"packed body":     {body: "{1099511627776}\r\n", packed: true, exists: 5, status: 3, says: "1099511627776 bytes"},
	"too deep":        {verb: "LIST", more: each("* LIST () \"/\" %d " + strings.Repeat("(", 1000) + "\r\n"), status: 1, says: "nested"},
}

func upTo(most int, format string) func(int) string {
	return func(n int) string {
		if n == most {
			return ""
		}
		return fmt.Sprintf(format, n+1)
	}
}

func (f flood) offers() string {
	if f.packed {
		return " COMPRESS=DEFLATE"
	}
	return ""
}

// start serves, and returns the account's URL.
func (f flood) start(t *testing.T) string {
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
			go f.serve(conn)
		}
	}()
	return fmt.Sprintf("imap://anna@%s", l.Addr())
}

func (f flood) serve(conn net.Conn) {
	defer conn.Close()
	w := bufio.NewWriterSize(conn, 256<<10)
	in := bufio.NewScanner(conn)
	if f.verb == "" && f.more != nil && f.pour(w) {
		return
	}
	fmt.Fprint(w, "* OK ready\r\n")
	w.Flush()
	for in.Scan() {
		tag, command, _ := strings.Cut(in.Text(), " ")
		if command == "COMPRESS DEFLATE" {
			fmt.Fprintf(w, "%s OK compressed from here\r\n", tag)
			w.Flush()
			deflate, _ := flate.NewWriter(conn, flate.BestSpeed)
			w, in = bufio.NewWriterSize(flushing{deflate}, 256<<10), bufio.NewScanner(flate.NewReader(conn))
			continue
		}
		switch {
		case f.body != "" && strings.HasPrefix(command, "UID FETCH"):
			if f.fetch(w, command) {
				return
			}
		case f.more != nil && strings.HasPrefix(command, f.verb) && f.pour(w):
			return
		case f.more != nil && strings.HasPrefix(command, f.verb):
		case strings.HasPrefix(command, "CAPABILITY"):
			fmt.Fprint(w, "* CAPABILITY IMAP4rev1 NAMESPACE"+f.offers()+"\r\n")
		case strings.HasPrefix(command, "LIST"):
			fmt.Fprint(w, "* LIST () \"/\" INBOX\r\n")
		case strings.HasPrefix(command, "STATUS"):
			name := strings.Fields(command)[1]
			n := f.exists
			if name != `"INBOX"` {
				n = 0
			}
			fmt.Fprintf(w, "* STATUS %s (MESSAGES %d UIDNEXT %d UIDVALIDITY 7)\r\n", name, n, min(n+1, 4294967295))
		case strings.HasPrefix(command, "EXAMINE"), strings.HasPrefix(command, "SELECT"):
			fmt.Fprintf(w, "* %d EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT %d] x\r\n", f.exists, min(f.exists+1, 4294967295))
		}
		fmt.Fprintf(w, "%s OK done\r\n", tag)
		w.Flush()
	}
}

// fetch answers for all requested messages except the second, whose body has no end.
func (f flood) fetch(w *bufio.Writer, command string) (endless bool) {
	set, items, _ := strings.Cut(strings.TrimPrefix(command, "UID FETCH "), " ")
	uids, err := mail.ParseUIDSet(set)
	if err != nil {
		return true
	}
	for uid := range uids.In(mail.UIDRange{First: 1, Last: mail.UID(f.exists)}).All() {
		body := "{27}\r\nSubject: one\r\n\r\nthe message"
		if uid == 2 {
			body = f.body
		}
		if !strings.Contains(items, "BODY") {
			fmt.Fprintf(w, "* %[1]d FETCH (UID %[1]d FLAGS () INTERNALDATE \"\" RFC822.SIZE 30)\r\n", uid)
			continue
		}
		fmt.Fprintf(w, "* %[1]d FETCH (UID %[1]d BODY[] %s", uid, body)
		if uid == 2 {
			zeros := make([]byte, 64<<10)
			for err == nil {
				_, err = w.Write(zeros)
			}
			return true
		}
		fmt.Fprint(w, ")\r\n")
	}
	return false
}

// flushing compresses, and holds nothing back.
type flushing struct{ *flate.Writer }

func (f flushing) Write(p []byte) (int, error) {
	n, err := f.Writer.Write(p)
	if err == nil {
		err = f.Flush()
	}
	return n, err
}

// pour sends, and reports whether there was no end, or the other side hung up.
func (f flood) pour(w io.Writer) bool {
	for n := 0; ; n++ {
		text := f.more(n)
		if text == "" {
			return false
		}
		if _, err := io.WriteString(w, text); err != nil {
			return true
		}
		if b, ok := w.(*bufio.Writer); f.live && ok && b.Flush() != nil {
			return true
		}
	}
}

// mostMemory bounds the memory of a backup, whatever a server sends.
const mostMemory = 150 << 10 // KiB

// However a server attacks, a backup ends soon, names the cause, and uses bounded memory.
func TestFloods(t *testing.T) {
	for name, f := range floods {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			h.onDirectory()
			began := time.Now()
			args := []string{"backup", "--imap", f.start(t), "--time-limit", "2m"}
			if f.packed {
				args = append(args, "--compress")
			}
			cmd := h.command(args...)
			out, used := measure(t, cmd)
			took := time.Since(began)
			if cmd.ProcessState.ExitCode() != f.status || !strings.Contains(out, f.says) {
				t.Errorf("it ends with %d, not %d, and says\n%.2000s", cmd.ProcessState.ExitCode(), f.status, out)
			}
			t.Logf("%v, %d MiB", took.Round(time.Millisecond), used>>10)
			if used > mostMemory {
				t.Errorf("it takes %d MiB of memory", used>>10)
			}
			if took > 90*time.Second {
				t.Errorf("it takes %v", took)
			}
		})
	}
}

// The time limit ends a check of an account, and a restore, if a server sends data too slowly, and
// the error says so.
func TestTrickle(t *testing.T) {
	h := newHost(t)
	h.onDirectory()
	good := flood{body: "{27}\r\n", exists: 1}.start(t)
	h.must(0, "backup", "--imap", good)
	trickle := func(int) string {
		time.Sleep(200 * time.Millisecond)
		return "* LIST () \"/\" INBOX\r\n"
	}
	slow := flood{verb: "LIST", more: trickle, live: true}.start(t)
	for _, args := range [][]string{
		{"doctor", "--imap", slow, "--time-limit", "2s"},
		{"restore", "latest", "--to", slow, "--time-limit", "2s"},
	} {
		began := time.Now()
		out := h.must(1, args...)
		if !strings.Contains(out.stdout+out.stderr, "2s (--time-limit)") {
			t.Errorf("%s says\n%.2000s%.2000s", args[0], out.stdout, out.stderr)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("%s takes %v", args[0], took)
		}
	}
}

// A target that claims to have messages without end is refused, with bounded memory.
func TestFloodedRestore(t *testing.T) {
	h := newHost(t)
	h.onDirectory()
	h.must(0, "backup", "--imap", flood{body: "{27}\r\n", exists: 1}.start(t))
	endless := flood{verb: "UID FETCH", exists: 4294967295,
		more: each("* %[1]d FETCH (UID %[1]d FLAGS () INTERNALDATE \"\" RFC822.SIZE 1)\r\n")}
	cmd := h.command("restore", "latest", "--to", endless.start(t))
	out, used := measure(t, cmd)
	t.Logf("%d MiB", used>>10)
	if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(out, "1500000 messages") {
		t.Errorf("it ends with %d, and says\n%.2000s", cmd.ProcessState.ExitCode(), out)
	}
	if used > mostMemory {
		t.Errorf("it takes %d MiB of memory", used>>10)
	}
}
