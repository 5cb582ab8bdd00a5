package imapserver_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
	"github.com/mailstrata/mailstrata/serve/imapserver"
	"github.com/mailstrata/mailstrata/serve/view"
)

// loseMail deletes all packs of mail, but not the catalog.
func loseMail(t *testing.T, store *storetest.Memory) {
	t.Helper()
	lost := 0
	for _, name := range store.Names() {
		if strings.HasPrefix(name, "data/") {
			lost++
			if err := store.Delete(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
	}
	if lost == 0 {
		t.Fatalf("there are no packs of mail among %q", store.Names())
	}
}

// A message that cannot be read is left out, the command fails with a sentence, and the session
// goes on.
func TestDamageIsReported(t *testing.T) {
	r, store := sample(t)
	c := login(t, serve(t, r, imapserver.Limits{}), account)
	c.want("SELECT INBOX", "x OK")
	loseMail(t, store)
	for _, items := range []string{"BODY[]", "ENVELOPE", "BODYSTRUCTURE", "(FLAGS BODY[HEADER])", "BODY[TEXT]<0.5>", "BODY[1]"} {
		c.want("FETCH 1:2 "+items, "!* 1", "!* 2", "x NO [SERVERBUG] 2 messages cannot be read. UID 1: ")
	}
	c.want("SEARCH TEXT x", "* SEARCH", "x NO [SERVERBUG] ")
	c.want("FETCH 1:4 FLAGS", "* 4 FETCH", "x OK")
	c.want("SELECT INBOX", "* 4 EXISTS", "x OK")
}

// If damage shows after a literal has begun, the connection ends. Nothing stands for the missing
// bytes.
func TestDamageInALiteralEndsTheConnection(t *testing.T) {
	a := archivetest.NewAccount()
	body := "Subject: large\r\n\r\n" + string(archivetest.RandomBytes(1, 17<<20))
	a.Mailbox("INBOX").Add(body)
	store := new(storetest.Memory)
	r := archivetest.NewRepo(t, store)
	archivetest.Backup(t, r, a)
	c := login(t, serve(t, r, imapserver.Limits{}), account)
	c.want("SELECT INBOX", "x OK")
	lines := c.do("FETCH 1 BODY[]")
	if want := fmt.Sprintf("* 1 FETCH (BODY[] {%d}\n%s)", len(body), body); lines[0] != want {
		t.Errorf("the message is another: %d bytes", len(lines[0]))
	}
	loseMail(t, store)
	c = login(t, serve(t, archivetest.Reopen(t, store), imapserver.Limits{}), account)
	c.want("SELECT INBOX", "x OK")
	io.WriteString(c.conn, "x FETCH 1 BODY[]\r\n")
	if line, err := c.r.ReadString('\n'); err == nil && !strings.HasPrefix(line, "* 1 FETCH (BODY[] {") {
		t.Errorf("the server says %q", line)
	}
	if n, err := io.Copy(io.Discard, c.r); err != nil || n >= int64(len(body)) {
		t.Errorf("%d bytes follow, %v", n, err)
	}
}

// pipes is a listener without a network, so that the clients can be in a bubble.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	close func()
}

func newPipes() *pipes {
	done := make(chan struct{})
	return &pipes{make(chan net.Conn), done, sync.OnceFunc(func() { close(done) })}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.close()
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// dial returns the client's end of a new connection.
func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours
}

// Connections, logins and silence are limited.
func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := sample(t)
		l := newPipes()
		serveOn(t, l, view.NewArchive(r), imapserver.Limits{Connections: 2, Login: 20 * time.Second, Idle: time.Minute}, nil)
		first, second := greeted(t, l.dial()), greeted(t, l.dial())
		first.login(account)
		second.login(account)
		if line, _ := bufio.NewReader(l.dial()).ReadString('\n'); !strings.HasPrefix(line, "* BYE Too many connections") {
			t.Errorf("a third connection reads %q", line)
		}
		second.want("LOGOUT", "* BYE")
		began := time.Now()
		if line := first.line(); !strings.HasPrefix(line, "* BYE Nothing was sent") || time.Since(began) != time.Minute {
			t.Errorf("after %v a silent client reads %q", time.Since(began), line)
		}
		silent := greeted(t, l.dial())
		began = time.Now()
		for { // commands before the login do not give more time
			if _, err := io.WriteString(silent.conn, "x NOOP\r\n"); err != nil {
				break
			}
			if _, err := silent.r.ReadString('\n'); err != nil {
				break
			}
			if time.Sleep(time.Second); time.Since(began) > time.Minute {
				t.Fatal("a client that does not log in stays")
			}
		}
	})
}

// Connections that do not log in cannot keep out, or end, those that do.
func TestStrangersMakeRoom(t *testing.T) {
	r, _ := sample(t)
	address := serve(t, r, imapserver.Limits{Connections: 3})
	first := login(t, address, account)
	strangers := make([]*client, 10)
	for i := range strangers {
		strangers[i] = dial(t, address)
	}
	second := login(t, address, account)
	first.want("NOOP", "x OK")
	second.want("NOOP", "x OK")
	if _, err := strangers[0].r.ReadByte(); err == nil {
		t.Error("the oldest stranger stays")
	}
	strangers[9].want("NOOP", "x OK")
}

// Twenty clients read at once what one reads.
func TestClientsAtOnce(t *testing.T) {
	r, _ := sample(t)
	address := serve(t, r, imapserver.Limits{})
	const commands = "SELECT INBOX;FETCH 1:* (UID FLAGS ENVELOPE BODYSTRUCTURE);FETCH 1:* BODY[];UID SEARCH TEXT hello;LIST \"\" *"
	var want string
	var clients sync.WaitGroup
	for n := range 20 {
		c := login(t, address, account)
		read := func() string {
			var all []string
			for command := range strings.SplitSeq(commands, ";") {
				all = append(all, c.do(command)...)
			}
			return strings.Join(all, "\n")
		}
		if n == 0 {
			want = read()
			continue
		}
		clients.Go(func() {
			if have := read(); have != want {
				t.Errorf("client %d reads %d bytes, not %d", n, len(have), len(want))
			}
		})
	}
	clients.Wait()
}

// Any bytes that a client sends end in an answer or the end of the connection.
func FuzzSession(f *testing.F) {
	for _, seed := range []string{
		"a SELECT INBOX\r\nb FETCH 1:* (FLAGS BODY[1.MIME]<0.5> ENVELOPE)\r\n", "a LIST \"\" (% *) RETURN (STATUS (UNSEEN))\r\n", "a SELECT INBOX\r\nb UID SEARCH OR TEXT x NOT 1:*\r\n",
		"a IDLE\r\nDONE\r\n", "a APPEND x {5+}\r\nabcde\r\nb NOOP\r\n", "a SELECT INBOX\r\nb UID FETCH * (BODY.PEEK[HEADER.FIELDS (a)] BODYSTRUCTURE RFC822.TEXT)\r\n",
	} {
		f.Add([]byte(seed))
	}
	r, _ := sample(f)
	address := serve(f, r, imapserver.Limits{Delay: time.Nanosecond})
	f.Fuzz(func(t *testing.T, sent []byte) {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Skip(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		go func() {
			fmt.Fprintf(conn, "x LOGIN %q %q\r\n", account, password)
			conn.Write(sent)
			conn.(*net.TCPConn).CloseWrite()
		}()
		answer, err := io.ReadAll(conn)
		if err, ok := err.(net.Error); ok && err.Timeout() {
			t.Fatalf("the server hangs after %q", answer)
		}
	})
}

// A header with many fields of one name, also in a message within the message, takes no more time
// than any of its size.
func TestManyFieldsOfOneName(t *testing.T) {
	fields := strings.Repeat("To:x\r\n", 500_000)
	a := archivetest.NewAccount()
	a.Mailbox("INBOX").Add("Content-Type: message/rfc822\r\n\r\n" + fields + "\r\ntext\r\n")
	r := archivetest.NewRepo(t, new(storetest.Memory))
	archivetest.Backup(t, r, a)
	c := login(t, serve(t, r, imapserver.Limits{}), account)
	c.want("SELECT INBOX", "x OK")
	began := time.Now()
	c.want("FETCH 1 BODYSTRUCTURE", `* 1 FETCH (BODYSTRUCTURE ("message" "rfc822" `, "x OK")
	if took := time.Since(began); took > time.Minute { // two minutes, if the fields are joined one by one
		t.Errorf("it takes %v", took)
	}
}
