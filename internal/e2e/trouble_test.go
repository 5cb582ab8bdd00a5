package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// turns stops a proxy after each of a number of bytes, and calls a function. So what happens during
// a run happens at the same point on a machine of any speed.
type turns struct {
	every int64
	mu    sync.Mutex
	next  int64
	stops chan chan struct{}
	over  chan struct{}
}

func everyBytes(n int64) *turns {
	return &turns{every: n, next: n, stops: make(chan chan struct{}), over: make(chan struct{})}
}

// watch is for a proxy.
func (s *turns) watch(_, received int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if received < s.next {
		return
	}
	s.next = received + s.every
	resume := make(chan struct{})
	select {
	case s.stops <- resume:
		<-resume
	case <-s.over:
	}
}

// during runs the program, and acts at each turn.
func (s *turns) during(h *host, act func(turn int), args ...string) ended {
	defer close(s.over)
	done := make(chan ended, 1)
	go func() { done <- h.run(args...) }()
	for turn := 0; ; turn++ {
		select {
		case resume := <-s.stops:
			func() {
				defer close(resume) // also where act ends the test
				act(turn)
			}()
		case e := <-done:
			return e
		}
	}
}

// A backup waits for a server that is restarted during it, three times: afterwards nothing is
// missing, and nothing is there twice.
func TestServerRestarts(t *testing.T) {
	t.Parallel()
	dovecot := startDovecot(t, testbed.DovecotOptions{})
	f := place(t, dovecot, "anna")
	f.put("INBOX", generate.New(60).Messages(300)...)
	f.put("Sent", generate.New(61).Messages(100)...)
	f.done()
	want := readAccount(t, dovecot.Addr, "anna", imapPassword)
	h := newHost(t)
	h.onDirectory()

	stops := everyBytes(2 << 20)
	p := startProxy(t, dovecot.Addr, stops.watch)
	restarts := 0
	e := stops.during(h, func(turn int) {
		if turn < 3 {
			dovecot.Restart()
			restarts++
		}
	}, "backup", "--imap", accountURL("anna", p.addr))
	if e.status != 0 || restarts != 3 {
		t.Fatalf("after %d restarts, %s ends with %d:\n%s%s", restarts, e.call, e.status, e.stdout, e.stderr)
	}
	restoredSame(t, h, dovecot, want)
}

// restoredSame restores the newest manifest for a new user, whose account must then be as expected.
func restoredSame(t *testing.T, h *host, dovecot *testbed.DovecotServer, want account) {
	t.Helper()
	h.restore(0, "latest", "maildir:"+filepath.Join(dovecot.Home("restored"), "Maildir"))
	giveToNobody(t, dovecot.Home("restored"))
	sameAccount(t, readAccount(t, dovecot.Addr, "restored", imapPassword), want)
}

// A message over which the server hangs up, each time, costs that message and no other. It is
// reported, and when the server is fixed, the next run has it. So it is with a mailbox that the
// server lists and does not open.
func TestPoison(t *testing.T) {
	t.Parallel()
	dovecot := startDovecot(t, testbed.DovecotOptions{})
	f := place(t, dovecot, "anna")
	f.put("INBOX", generate.New(62).Messages(100)...)
	f.put("Sent", generate.New(63).Messages(10)...)
	f.put("~strange", generate.New(64).Messages(1)...)
	poison := filepath.Join(f.Root, "cur", "1000000000.00000050x.e2e,S=123456:2,")
	f.check(os.WriteFile(poison, []byte("Subject: it has not the size that its name says\n\ntext\n"), 0o644))
	f.done()
	h := newHost(t)
	h.onDirectory()

	e := h.must(3, "backup", "--imap", accountURL("anna", dovecot.Addr))
	for _, reported := range []string{`"INBOX", UID`, `~strange`} {
		if !strings.Contains(e.stderr, reported) {
			t.Errorf("nothing is reported about %s:\n%s", reported, e.stderr)
		}
	}
	var m written
	h.must(0, "list", "--json").json(&m)
	if m.Messages != 110 || m.Failures != 2 || m.Consistent {
		t.Errorf("of 112 messages, two of which cannot be read, the manifest reports %+v", m)
	}

	f.check(os.Rename(poison, strings.Replace(poison, ",S=123456", "", 1)))
	f.check(os.Rename(f.Folder("~strange"), f.Folder("tame")))
	f.check(os.Remove(filepath.Join(f.Root, "dovecot.list.index.log")))
	dovecot.Restart()
	if m := h.backUp(0, accountURL("anna", dovecot.Addr)); m.Messages != 112 || m.Failures != 0 {
		t.Errorf("mended, the manifest is %+v", m)
	}
	restoredSame(t, h, dovecot, readAccount(t, dovecot.Addr, "anna", imapPassword))
}
