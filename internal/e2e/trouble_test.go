package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// turns stop a proxy whenever so many bytes were received, and let somebody else act. So what happens in the midst of a
// run happens there at any speed of the machine.
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

// A server that is restarted in the midst of a backup, three times, is waited for: nothing is missing then, and nothing
// is there twice.
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

// restoredSame restores the newest manifest for a user of its own, whose account must then be as it should.
func restoredSame(t *testing.T, h *host, dovecot *testbed.DovecotServer, want account) {
	t.Helper()
	h.restore(0, "latest", "maildir:"+filepath.Join(dovecot.Home("restored"), "Maildir"))
	giveToNobody(t, dovecot.Home("restored"))
	sameAccount(t, readAccount(t, dovecot.Addr, "restored", imapPassword), want)
}

// A message over which the server hangs up, each time, costs that message and no other. It is told, and when the server
// has been mended, the next run has it. So it is with a mailbox that the server lists and does not open.
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
	for _, told := range []string{`"INBOX", UID`, `~strange`} {
		if !strings.Contains(e.stderr, told) {
			t.Errorf("nothing is told of %s:\n%s", told, e.stderr)
		}
	}
	var m laid
	h.must(0, "list", "--json").json(&m)
	if m.Messages != 110 || m.Failures != 2 || m.Consistent {
		t.Errorf("of 112 messages, two of which cannot be read, the manifest tells %+v", m)
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

// While an account is archived, somebody works in it: moves, appends, expunges, flags and renames, 300 times. Every
// message that was there from start to end is in the manifest; and one that says to be consistent is the account as it
// was.
func TestChangesMeanwhile(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			changesMeanwhile(t, seed)
		})
	}
}

func changesMeanwhile(t *testing.T, seed uint64) {
	dovecot := startDovecot(t, testbed.DovecotOptions{})
	f := place(t, dovecot, "anna")
	for i, name := range []string{"INBOX", "a", "b", "c/d"} {
		f.put(name, generate.New(70+10*seed+uint64(i)).Messages(80)...)
	}
	f.done()
	lasting := map[[32]byte]bool{}
	for _, b := range readAccount(t, dovecot.Addr, "anna", imapPassword) {
		for _, l := range b.letters {
			lasting[l.sum] = true
		}
	}
	h := newHost(t)
	h.onDirectory()
	worker := newWorker(t, dovecot, "anna", seed, lasting)

	stops := everyBytes(40_000)
	p := startProxy(t, dovecot.Addr, stops.watch)
	e := stops.during(h, func(int) {
		for range 3 {
			worker.change()
		}
	}, "backup", "--json", "--imap", accountURL("anna", p.addr))
	var told struct{ Manifests []laid }
	if e.json(&told); e.status != 0 || len(told.Manifests) != 1 || worker.changes < 100 {
		t.Fatalf("after %d changes (%s), %s ends with %d:\n%s%s", worker.changes, &worker.log, e.call, e.status, e.stdout, e.stderr)
	}
	t.Logf("%d changes; the manifest: %+v", worker.changes, told.Manifests[0])

	back := filepath.Join(h.home, "back")
	h.restore(0, "latest", "maildir:"+back, "--eol", "keep")
	found := sums(t, back)
	for sum := range lasting {
		if !found[sum] {
			t.Errorf("message %.8x was there from start to end, and is not in the manifest", sum)
		}
	}
	if told.Manifests[0].Consistent {
		restoredSame(t, h, dovecot, readAccount(t, dovecot.Addr, "anna", imapPassword))
	}
}

// sums are those of all messages in a Maildir.
func sums(t *testing.T, maildir string) map[[32]byte]bool {
	t.Helper()
	found := map[[32]byte]bool{}
	err := filepath.WalkDir(maildir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Base(filepath.Dir(path)) != "cur" {
			return err
		}
		data, err := os.ReadFile(path)
		found[sha256.Sum256(data)] = true
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// worker is somebody at work in an account.
type worker struct {
	*wire
	random    *rand.Rand
	mail      *generate.Generator
	mailboxes []string
	lasting   map[[32]byte]bool // what it has left alone, wherever it is now
	changes   int
	log       bytes.Buffer
}

func newWorker(t *testing.T, d *testbed.DovecotServer, user string, seed uint64, lasting map[[32]byte]bool) *worker {
	return &worker{
		wire: login(t, d.Addr, user, imapPassword), random: rand.New(rand.NewPCG(seed, 3)), mail: generate.New(seed + 100),
		mailboxes: []string{"INBOX", "a", "b", "c/d"}, lasting: lasting,
	}
}

// change does one thing, of the 300 that there are to do.
func (w *worker) change() {
	if w.changes == 300 {
		return
	}
	w.changes++
	i := w.random.IntN(len(w.mailboxes))
	mailbox := quoted(w.mailboxes[i])
	switch w.random.IntN(8) {
	case 0:
		w.log.WriteString("append ")
		m := w.mail.Message()
		w.do(fmt.Sprintf("APPEND %s (%s) {%d+}\r\n%s", mailbox, strings.Join(m.Flags, " "), len(m.Body), m.Body), nil)
	case 1, 2, 3:
		w.log.WriteString("move ")
		if uid := w.some(mailbox); uid != 0 {
			w.do(fmt.Sprintf("UID MOVE %d %s", uid, quoted(w.mailboxes[w.random.IntN(len(w.mailboxes))])), nil)
		}
	case 4:
		w.log.WriteString("expunge ")
		if uid := w.some(mailbox); uid != 0 {
			w.do(fmt.Sprintf("UID FETCH %d BODY.PEEK[]", uid), func(line string, literals []literal) {
				if len(literals) > 0 {
					delete(w.lasting, literals[0].sum)
				}
			})
			w.do(fmt.Sprintf(`UID STORE %d +FLAGS.SILENT (\Deleted)`, uid), nil)
			w.do(fmt.Sprintf("UID EXPUNGE %d", uid), nil)
		}
	case 5, 6:
		w.log.WriteString("flag ")
		if uid := w.some(mailbox); uid != 0 {
			w.do(fmt.Sprintf(`UID STORE %d %sFLAGS.SILENT (\Seen work)`, uid, []string{"+", "-"}[w.random.IntN(2)]), nil)
		}
	default:
		if w.mailboxes[i] == "INBOX" { // which leaves an empty one behind, when it is renamed
			return
		}
		w.log.WriteString("rename ")
		to := fmt.Sprintf("%s%d", strings.TrimRight(w.mailboxes[i], "0123456789"), w.changes)
		w.try("UNSELECT", nil) // where one is selected
		w.do("RENAME "+mailbox+" "+quoted(to), nil)
		w.mailboxes[i] = to
	}
}

// some selects a mailbox and returns the UID of one of its messages, 0 if there is none.
func (w *worker) some(mailbox string) (uid uint32) {
	w.t.Helper()
	w.do("SELECT "+mailbox, nil)
	w.do("UID SEARCH ALL", func(line string, _ []literal) {
		if rest, ok := strings.CutPrefix(line, "* SEARCH "); ok {
			all := strings.Fields(rest)
			fmt.Sscan(all[w.random.IntN(len(all))], &uid)
		}
	})
	return uid
}
