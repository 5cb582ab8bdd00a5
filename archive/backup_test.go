package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/storetest"
)

// newRepo is an empty repository in memory.
func newRepo(t *testing.T, store repo.Store) *repo.Repo {
	t.Helper()
	r, err := repo.Init(t.Context(), store, repo.InitOptions{NoSeal: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// backUp archives the account, which must succeed.
func backUp(t *testing.T, r *repo.Repo, a *account) *archive.Backup {
	t.Helper()
	b := tryBackUp(t.Context(), r, a)
	if b.Err != nil {
		t.Fatal(b.Err)
	}
	return b
}

func tryBackUp(ctx context.Context, r *repo.Repo, accounts ...*account) *archive.Backup {
	var list []archive.Account
	for i, a := range accounts {
		list = append(list, archive.Account{Name: fmt.Sprintf("account-%d", i), URL: "imap://test", Source: a})
	}
	backups, err := archive.BackUp(ctx, r, list, archive.BackupOptions{Program: "test"})
	if len(backups) == 0 {
		return &archive.Backup{Err: err}
	}
	backups[0].Err = errors.Join(backups[0].Err, err)
	return backups[0]
}

// state is an account in words: a line a message, with everything that is to be archived of it.
func (a *account) state() []string {
	var lines []string
	for _, m := range a.mailboxes {
		for _, msg := range m.messages {
			lines = append(lines, fmt.Sprintf("%s/%d %d %v %s %q", m.name, m.validity, msg.uid, msg.flags, msg.date, msg.body))
		}
	}
	slices.Sort(lines)
	return lines
}

// archived is what the manifest holds, in the same words; the bodies are joined and verified.
func archived(t *testing.T, r *repo.Repo, head repo.Head) []string {
	t.Helper()
	c, err := archive.OpenManifest(t.Context(), r, head)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for mailbox, err := range c.Mailboxes(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for entry, err := range c.Entries(t.Context(), mailbox) {
			if err != nil {
				t.Fatal(err)
			}
			var body bytes.Buffer
			if err := c.Body(&entry.Record).WriteTo(t.Context(), &body); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, fmt.Sprintf("%s/%d %d %v %s %q", mailbox.Name, mailbox.Status.UIDValidity, entry.UID, entry.Flags, entry.Internal, body.Bytes()))
		}
	}
	slices.Sort(lines)
	return lines
}

func mustHold(t *testing.T, r *repo.Repo, b *archive.Backup, want []string) {
	t.Helper()
	got := archived(t, r, b.Head)
	if !slices.Equal(got, want) {
		t.Fatalf("the manifest holds %d messages, the account %d; first difference: %s", len(got), len(want), firstDifference(got, want))
	}
}

func firstDifference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("%.200s\nagainst %.200s", a[i], b[i])
		}
	}
	return "one has more"
}

// sample is an account with messages of every sort.
func sample() *account {
	a := newAccount()
	inbox := a.mailbox("INBOX")
	for i := range 1203 {
		inbox.add(fmt.Sprintf("Subject: %d\r\n\r\nHello number %d\r\n", i, i), `\Seen`, fmt.Sprintf("k%d", i%3))
	}
	odd := a.mailbox("Odd")
	odd.add("")
	odd.add("no header")
	odd.add("\r\nno header either")
	odd.add("a: b\r\n\r\nNUL \x00 and \xff\r\r\n\n")
	odd.add("a: b\r\n\r\n" + strings.Repeat("x", 1<<20))
	odd.add("a: b\r\n\r\n" + strings.Repeat("QUJD", 19) + "\r\n" + strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", 40000))
	a.mailbox("Empty")
	a.mailbox("Parent").attributes = []string{`\Noselect`}
	return a
}

func TestBackupHoldsEveryMessage(t *testing.T) {
	a := sample()
	r := newRepo(t, &storetest.Memory{})
	b := backUp(t, r, a)
	mustHold(t, r, b, a.state())
	if !b.Manifest.Consistent {
		t.Error("nothing changed under the backup, but it is not called consistent")
	}
}

func TestUnchangedAccountCostsOneManifest(t *testing.T) {
	a := sample()
	store := &storetest.Memory{}
	r := newRepo(t, store)
	first := backUp(t, r, a)
	objects, bodies, examines := len(store.Names()), a.bodies, a.examines
	second := backUp(t, r, a)
	if n := len(store.Names()) - objects; n != 1 {
		t.Errorf("%d objects were put, want the manifest alone", n)
	}
	if a.bodies != bodies || a.examines != examines {
		t.Errorf("%d messages were downloaded and %d mailboxes opened, want none", a.bodies-bodies, a.examines-examines)
	}
	if second.Manifest.Parent != first.Head.ID || !second.Manifest.Consistent {
		t.Errorf("the second manifest: parent %x, consistent %v", second.Manifest.Parent, second.Manifest.Consistent)
	}
	mustHold(t, r, second, a.state())
}

// change does something to the account that people and servers do.
func (a *account) change(rng *rand.Rand) {
	names := slices.DeleteFunc(slices.Sorted(func(yield func(string) bool) {
		for name := range a.mailboxes {
			if !yield(name) {
				return
			}
		}
	}), func(name string) bool { return name == "Parent" })
	m := a.mailboxes[names[rng.IntN(len(names))]]
	switch n := rng.IntN(20); {
	case n < 8 || len(m.messages) == 0:
		m.add(fmt.Sprintf("Subject: new %d\r\n\r\nbody %d\r\n", rng.Int(), rng.Int()), `\Recent`)
	case n < 12:
		m.expunge(m.messages[rng.IntN(len(m.messages))].uid)
	case n < 17:
		m.setFlags(m.messages[rng.IntN(len(m.messages))].uid, `\flagged`, fmt.Sprint("k", rng.IntN(4)))
	case n == 17:
		delete(a.mailboxes, m.name)
		m.name = fmt.Sprint("Renamed-", rng.IntN(1000))
		a.mailboxes[m.name] = m
	case n == 18:
		m.reset()
	default:
		m.next += mail.UID(rng.IntN(100000))
	}
}

func TestEveryManifestIsTheAccountOfItsNight(t *testing.T) {
	servers := map[string]func(*account){
		"QRESYNC":   func(a *account) {},
		"CONDSTORE": func(a *account) { a.qresync = false },
		"neither":   func(a *account) { a.qresync, a.condstore = false, false },
	}
	for name, less := range servers {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			a := newAccount()
			less(a)
			for i := range 1400 { // INBOX takes more than a page
				a.mailbox([]string{"INBOX", "INBOX", "INBOX", "INBOX", "INBOX", "Archive", "Lists/go"}[i%7]).add(fmt.Sprintf("Subject: %d\r\n\r\n%d\r\n", i, i))
			}
			r := newRepo(t, &storetest.Memory{})
			var nights []*archive.Backup
			var states [][]string
			for range 7 {
				for range rng.IntN(60) {
					a.change(rng)
				}
				nights = append(nights, backUp(t, r, a))
				states = append(states, a.state())
				if !nights[len(nights)-1].Manifest.Consistent {
					t.Error("not called consistent, though nothing changed under the backup")
				}
			}
			for i := range nights {
				mustHold(t, r, nights[i], states[i])
			}
		})
	}
}

func TestLostConnectionsLoseAndDoubleNothing(t *testing.T) {
	a := sample()
	var n atomic.Int64
	a.onBody = func(string, mail.UID) error {
		if n.Add(1)%100 == 0 {
			return fmt.Errorf("%w: BYE", archive.ErrTemporary)
		}
		return nil
	}
	r := newRepo(t, &storetest.Memory{})
	b := backUp(t, r, a)
	mustHold(t, r, b, a.state())
	if len(b.Manifest.Failures) > 0 {
		t.Errorf("failures: %v", b.Manifest.Failures)
	}
}

func TestMessageThatCannotBeReadIsAFailureAndTriedAgain(t *testing.T) {
	causes := map[string]error{
		"costs the connection": fmt.Errorf("%w: BYE", archive.ErrTemporary),
		"is left out":          errLeaveOut,
		"is refused":           fmt.Errorf("%w: NO [UNAVAILABLE]", archive.ErrRefused),
	}
	for name, cause := range causes {
		t.Run(name, func(t *testing.T) {
			a := newAccount()
			for i := range 40 {
				a.mailbox("INBOX").add(fmt.Sprintf("Subject: %d\r\n\r\nbody\r\n", i))
			}
			poison := mail.UID(17)
			a.onBody = func(_ string, uid mail.UID) error {
				if uid == poison {
					return cause
				}
				return nil
			}
			r := newRepo(t, &storetest.Memory{})
			b := backUp(t, r, a)
			failures := b.Manifest.Failures
			if len(failures) != 1 || failures[0].UID != poison || failures[0].Mailbox != "INBOX" || failures[0].Reason == "" {
				t.Fatalf("failures: %v", failures)
			}
			if b.Manifest.Totals.Messages != 39 || b.Manifest.Consistent {
				t.Errorf("%d messages, consistent %v", b.Manifest.Totals.Messages, b.Manifest.Consistent)
			}
			a.onBody = nil
			bodies := a.bodies
			b = backUp(t, r, a)
			mustHold(t, r, b, a.state())
			if a.bodies-bodies != 1 || len(b.Manifest.Failures) > 0 {
				t.Errorf("the next run downloaded %d messages, want 1; failures %v", a.bodies-bodies, b.Manifest.Failures)
			}
		})
	}
}

func TestMailboxThatCannotBeOpenedStandsAsBefore(t *testing.T) {
	a := sample()
	r := newRepo(t, &storetest.Memory{})
	backUp(t, r, a)
	before := a.state()
	a.mailbox("INBOX").modseq++
	a.onExamine = func(name string) error {
		if name == "INBOX" {
			return fmt.Errorf("%w: NO [SERVERBUG]", archive.ErrRefused)
		}
		return nil
	}
	b := backUp(t, r, a)
	mustHold(t, r, b, before)
	if b.Manifest.Consistent || len(b.Manifest.Failures) != 1 || b.Manifest.Failures[0].Mailbox != "INBOX" {
		t.Errorf("consistent %v, failures %v", b.Manifest.Consistent, b.Manifest.Failures)
	}
}

func TestMessageMovedWhileReadingIsNotLost(t *testing.T) {
	a := newAccount()
	a.mailbox("A").add("Subject: stays\r\n\r\n")
	moving := "Subject: moves\r\n\r\n"
	uid := a.mailbox("Z").add(moving).uid
	a.onSurvey = func(n int) {
		if n == 2 { // A and Z have been read, and the second look has not been taken
			a.mailbox("Z").expunge(uid)
			a.mailbox("A").add(moving)
			delete(a.mailboxes, "Z")
			a.mailbox("A/Z")
		}
	}
	r := newRepo(t, &storetest.Memory{})
	b := backUp(t, r, a)
	mustHold(t, r, b, a.state())
	if !b.Manifest.Consistent {
		t.Error("the last survey agreed with the record, but the manifest is not called consistent")
	}
}

func TestAccountThatNeverRestsIsNotCalledConsistent(t *testing.T) {
	a := newAccount()
	a.mailbox("INBOX").add("Subject: 1\r\n\r\n")
	a.onSurvey = func(n int) { a.mailbox("INBOX").add(fmt.Sprintf("Subject: %d\r\n\r\n", n)) }
	b := backUp(t, newRepo(t, &storetest.Memory{}), a)
	if b.Manifest.Consistent {
		t.Error("called consistent, though each survey showed something new")
	}
}

func TestSuspiciousShrinkageRaisesTheAlarm(t *testing.T) {
	a := sample()
	r := newRepo(t, &storetest.Memory{})
	backUp(t, r, a)
	inbox := a.mailbox("INBOX")
	for _, m := range slices.Clone(inbox.messages[:600]) {
		inbox.expunge(m.uid)
	}
	b := backUp(t, r, a)
	if len(b.Manifest.Alarm) != 2 || !strings.Contains(b.Manifest.Alarm[0], "INBOX") {
		t.Errorf("alarm: %q", b.Manifest.Alarm)
	}
	mustHold(t, r, b, a.state())
}

func TestRenamedMailboxIsNotDownloadedAgain(t *testing.T) {
	for _, otherwise := range []bool{false, true} {
		a := sample()
		r := newRepo(t, &storetest.Memory{})
		backUp(t, r, a)
		bodies := a.bodies
		inbox := a.mailbox("INBOX")
		delete(a.mailboxes, "INBOX")
		inbox.name, a.mailboxes["Archive/INBOX"] = "Archive/INBOX", inbox
		want := 0
		if otherwise { // the numbers are the same, and a message is not
			inbox.messages[700].date = " 1-Jan-2001 00:00:00 +0000"
			want = len(inbox.messages)
		}
		b := backUp(t, r, a)
		mustHold(t, r, b, a.state())
		if a.bodies-bodies != want {
			t.Errorf("%d messages were downloaded, want %d", a.bodies-bodies, want)
		}
	}
}

func TestMailboxThatIsNotSelectedIsNoLoss(t *testing.T) {
	a := sample()
	r := newRepo(t, &storetest.Memory{})
	backUp(t, r, a)
	state, bodies := a.state(), a.bodies
	only := func(m mail.Mailbox) bool { return m.Name == "Odd" }
	backups, err := archive.BackUp(t.Context(), r, []archive.Account{{Name: "account-0", Source: a, Select: only}}, archive.BackupOptions{})
	if err != nil || backups[0].Err != nil {
		t.Fatal(err, backups[0].Err)
	}
	b := backups[0]
	if len(b.Manifest.Alarm) > 0 || len(b.Manifest.Warnings) > 0 || !b.Manifest.Consistent {
		t.Errorf("alarm %q, warnings %q, consistent %v", b.Manifest.Alarm, b.Manifest.Warnings, b.Manifest.Consistent)
	}
	mustHold(t, r, b, state)
	mustHold(t, r, backUp(t, r, a), state)
	if a.bodies != bodies {
		t.Errorf("%d messages were downloaded again", a.bodies-bodies)
	}
}

func TestVanishedMailboxIsToldOfUnlessRenamed(t *testing.T) {
	a := sample()
	r := newRepo(t, &storetest.Memory{})
	backUp(t, r, a)
	odd := a.mailbox("Odd")
	delete(a.mailboxes, "Odd")
	odd.name, a.mailboxes["Even"] = "Even", odd
	if b := backUp(t, r, a); len(b.Manifest.Warnings) != 0 {
		t.Errorf("after a renaming: %q", b.Manifest.Warnings)
	}
	delete(a.mailboxes, "Even")
	if b := backUp(t, r, a); len(b.Manifest.Warnings) != 1 || !strings.Contains(b.Manifest.Warnings[0], "Even") {
		t.Errorf("after a loss: %q", b.Manifest.Warnings)
	}
}

func TestAccountsShareChunks(t *testing.T) {
	store := &storetest.Memory{}
	r := newRepo(t, store)
	backUp(t, r, sample())
	data := func() (n int) {
		for _, name := range store.Names() {
			if strings.HasPrefix(name, "data/") {
				n++
			}
		}
		return n
	}
	before := data()
	backups, err := archive.BackUp(t.Context(), r, []archive.Account{{Name: "another", Source: sample()}}, archive.BackupOptions{})
	if err != nil || backups[0].Err != nil {
		t.Fatal(err, backups[0].Err)
	}
	if n := data() - before; n != 0 {
		t.Errorf("the same mail of another account made %d data packs, want none", n)
	}
}

// TestStoreThatFailsAtAnyStepLosesNothing crashes the store at each of its operations in turn: what was committed
// before restores, and the run after the crash gives the account whole.
func TestStoreThatFailsAtAnyStepLosesNothing(t *testing.T) {
	small := func() *account {
		a := newAccount()
		for i := range 30 {
			a.mailbox("INBOX").add(fmt.Sprintf("Subject: %d\r\n\r\nbody %d\r\n", i, i))
		}
		return a
	}
	for _, fault := range []storetest.Fault{storetest.Refuse, storetest.Lose, storetest.Truncate} {
		origin := &storetest.Memory{}
		backUp(t, newRepo(t, origin), small())
		for n := 1; ; n++ {
			memory := origin.Clone()
			r, err := repo.Open(t.Context(), memory, repo.Unlock{}, repo.Options{})
			if err != nil {
				t.Fatal(err)
			}
			a := small()
			first := backUp(t, r, a)
			was := a.state()
			a.mailbox("INBOX").add("Subject: later\r\n\r\nlater\r\n")
			a.mailbox("Other").add("Subject: other\r\n\r\nother\r\n")

			faulty := &storetest.Faulty{Store: memory}
			broken, err := repo.Open(t.Context(), faulty, repo.Unlock{}, repo.Options{})
			if err != nil {
				t.Fatal(err)
			}
			opened := faulty.Ops()
			faulty.Fail = storetest.CrashAt(opened+n, fault)
			b := tryBackUp(t.Context(), broken, a)
			mustHold(t, r, first, was)
			again := backUp(t, r, a)
			mustHold(t, r, again, a.state())
			if faulty.Ops() < opened+n {
				if b.Err != nil {
					t.Fatalf("without a fault: %v", b.Err)
				}
				break // the whole run was shorter: all steps were tried
			}
		}
	}
}

var _ = manifest.Complete
