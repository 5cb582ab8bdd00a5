package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// While an account is archived, a worker moves, copies, appends, expunges, flags, renames, creates
// and deletes in it, a thousand times in all, in several runs. Every message that was there from
// start to end of a run is in its manifest, and a consistent manifest is the account as it was.
// MAILSTRATA_LONG=10m sets how long the test runs, with other changes each time.
func TestChangesMeanwhile(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			changesMeanwhile(t, seed)
		})
	}
	t.Run("long", func(t *testing.T) {
		long, err := time.ParseDuration(os.Getenv("MAILSTRATA_LONG"))
		if err != nil {
			return
		}
		for seed, began := uint64(100), time.Now(); time.Since(began) < long; seed++ {
			t.Run(fmt.Sprint(seed), func(t *testing.T) { changesMeanwhile(t, seed) })
		}
	})
}

func changesMeanwhile(t *testing.T, seed uint64) {
	dovecot := startDovecot(t, testbed.DovecotOptions{})
	f := place(t, dovecot, "anna")
	for i, name := range []string{"INBOX", "a", "b", "c/d"} {
		f.put(name, generate.New(70+10*seed+uint64(i)).Messages(80)...)
	}
	f.done()
	h := newHost(t)
	h.onDirectory()
	w := newWorker(t, dovecot, "anna", seed)
	defer w.conn.Close()
	changes, consistent := 0, 0
	for run := 0; changes < 500; run++ {
		w.left = 100
		every := int64(500) // a run that has an earlier one to go on from receives little
		if run == 0 {
			w.left, every = 300, 40_000
		}
		w.remember(dovecot)
		before := w.left
		if w.archived(h, dovecot, every) {
			consistent++
		}
		if changes += before - w.left; before == w.left {
			t.Fatalf("run %d leaves no time for changes", run)
		}
	}
	t.Logf("%d changes; %d manifests were the whole account", changes, consistent)
}

// archived archives the account while the worker works, and compares. It reports whether the whole
// account could be compared, with a manifest that is consistent.
func (w *worker) archived(h *host, dovecot *testbed.DovecotServer, every int64) bool {
	t := w.t.(*testing.T)
	t.Helper()
	stops := everyBytes(every)
	p := startProxy(t, dovecot.Addr, stops.watch)
	w.log.Reset()
	rested := 0 // what the program had said when the last change was made
	e := stops.during(h, func(int) {
		for range min(3, w.left) {
			w.change()
			rested = len(p.heard())
		}
	}, "backup", "--json", "--imap", accountURL("anna", p.addr), "--name", "anna")
	var printed struct{ Manifests []written }
	if e.json(&printed); e.status != 0 && e.status != 4 || len(printed.Manifests) != 1 {
		t.Fatalf("after changes (%s), %s ends with %d:\n%s%s", &w.log, e.call, e.status, e.stdout, e.stderr)
	}
	back := filepath.Join(t.TempDir(), "back")
	h.restore(0, printed.Manifests[0].ID, "maildir:"+back, "--eol", "keep")
	found := sums(t, back)
	for sum := range w.lasting {
		if !found[sum] {
			t.Errorf("message %.8x was there from start to end, and is not in the manifest; %s", sum, &w.log)
		}
	}
	lastSurvey := bytes.LastIndex(p.heard(), []byte(`LIST "" "*" RETURN`))
	if printed.Manifests[0].Consistent && rested <= lastSurvey { // else the state that it is of has passed
		user := fmt.Sprintf("restored-%s", printed.Manifests[0].ID[:12])
		h.restore(0, printed.Manifests[0].ID, "maildir:"+filepath.Join(dovecot.Home(user), "Maildir"))
		giveToNobody(t, dovecot.Home(user))
		sameAccount(t, readAccount(t, dovecot.Addr, user, imapPassword), readAccount(t, dovecot.Addr, "anna", imapPassword))
	}
	return printed.Manifests[0].Consistent && rested <= lastSurvey
}

// sums returns the hashes of all messages in a Maildir.
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

// worker changes an account.
type worker struct {
	*wire
	random    *rand.Rand
	mail      *generate.Generator
	mailboxes []string
	lasting   map[[32]byte]bool // what it has left alone in this run, wherever it is now
	made      int
	left      int // changes to make in this run
	log       strings.Builder
}

func newWorker(t *testing.T, d *testbed.DovecotServer, user string, seed uint64) *worker {
	return &worker{
		wire: login(t, d.Addr, user, imapPassword), random: rand.New(rand.NewPCG(seed, 3)), mail: generate.New(seed + 100),
		mailboxes: []string{"INBOX", "a", "b", "c/d"},
	}
}

// remember records the state of the account.
func (w *worker) remember(d *testbed.DovecotServer) {
	w.t.Helper()
	w.lasting = map[[32]byte]bool{}
	for _, b := range readAccount(w.t, d.Addr, "anna", imapPassword) {
		for _, l := range b.letters {
			w.lasting[l.sum] = true
		}
	}
}

// change makes one change.
func (w *worker) change() {
	w.left--
	i := w.random.IntN(len(w.mailboxes))
	mailbox, other := quoted(w.mailboxes[i]), quoted(w.mailboxes[w.random.IntN(len(w.mailboxes))])
	switch w.random.IntN(11) {
	case 0:
		w.log.WriteString("append ")
		m := w.mail.Message()
		w.do(fmt.Sprintf("APPEND %s (%s) {%d+}\r\n%s", mailbox, strings.Join(m.Flags, " "), len(m.Body), m.Body), nil)
	case 1, 2, 3:
		if uid := w.some(mailbox); uid != 0 {
			w.log.WriteString("move ")
			w.try(fmt.Sprintf("UID MOVE %d %s", uid, other), nil) // Dovecot has been seen to lock itself out
		}
	case 4:
		if uid := w.some(mailbox); uid != 0 {
			w.log.WriteString("copy ")
			w.try(fmt.Sprintf("UID COPY %d %s", uid, other), nil)
		}
	case 5:
		w.expunge(mailbox)
	case 6, 7:
		if uid := w.some(mailbox); uid != 0 {
			w.log.WriteString("flag ")
			w.do(fmt.Sprintf(`UID STORE %d %sFLAGS.SILENT (\Seen work)`, uid, []string{"+", "-"}[w.random.IntN(2)]), nil)
		}
	case 8:
		w.create()
	case 9:
		w.delete(i)
	default:
		w.rename(i)
	}
}

func (w *worker) expunge(mailbox string) {
	uid := w.some(mailbox)
	if uid == 0 {
		return
	}
	w.log.WriteString("expunge ")
	w.do(fmt.Sprintf("UID FETCH %d BODY.PEEK[]", uid), func(line string, literals []literal) {
		if len(literals) > 0 {
			delete(w.lasting, literals[0].sum)
		}
	})
	w.do(fmt.Sprintf(`UID STORE %d +FLAGS.SILENT (\Deleted)`, uid), nil)
	w.do(fmt.Sprintf("UID EXPUNGE %d", uid), nil)
}

// name returns an unused name, because what a deleted mailbox left may return under an old name.
// Often it is below another mailbox, but not below that one.
func (w *worker) name(notBelow string) string {
	w.made++
	name := fmt.Sprintf("n%d", w.made)
	if w.made%3 == 0 {
		return name
	}
	above := w.mailboxes[w.random.IntN(len(w.mailboxes))]
	if above == notBelow || strings.HasPrefix(above, notBelow+"/") || strings.Count(above, "/") > 3 {
		return name
	}
	return above + "/" + name
}

func (w *worker) create() {
	w.log.WriteString("create ")
	name := w.name("")
	if _, made := w.try("CREATE "+quoted(name), nil); made { // Dovecot has been seen to say that it is there
		w.mailboxes = append(w.mailboxes, name)
	}
}

func (w *worker) delete(i int) {
	name := w.mailboxes[i]
	above := func(other string) bool { return strings.HasPrefix(other, name+"/") }
	if name == "INBOX" || len(w.mailboxes) < 4 || slices.ContainsFunc(w.mailboxes, above) {
		return // Dovecot lists a deleted one that has others below it as if it were there
	}
	w.log.WriteString("delete ")
	for _, l := range w.mailbox(name) {
		delete(w.lasting, l.sum)
	}
	w.try("UNSELECT", nil)
	w.do("DELETE "+quoted(name), nil)
	w.mailboxes = slices.Delete(w.mailboxes, i, i+1)
}

func (w *worker) rename(i int) {
	if w.mailboxes[i] == "INBOX" { // which leaves an empty one behind, when it is renamed
		return
	}
	w.log.WriteString("rename ")
	from := w.mailboxes[i]
	to := w.name(from)
	w.try("UNSELECT", nil) // where one is selected
	w.do("RENAME "+quoted(from)+" "+quoted(to), nil)
	for i, name := range w.mailboxes { // those below it go along
		if rest, below := strings.CutPrefix(name+"/", from+"/"); below {
			w.mailboxes[i] = strings.TrimSuffix(to+"/"+rest, "/")
		}
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
