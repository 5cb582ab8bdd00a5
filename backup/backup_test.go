package backup_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

func TestBackupHoldsEveryMessage(t *testing.T) {
	a := archivetest.SampleAccount()
	r := archivetest.NewRepo(t, &storetest.Memory{})
	b := archivetest.Backup(t, r, a)
	archivetest.MustHold(t, r, b, a.State())
	if !b.Manifest.Consistent {
		t.Error("nothing changed under the backup, but it is not called consistent")
	}
}

func TestUnchangedAccountCostsOneManifest(t *testing.T) {
	a := archivetest.SampleAccount()
	store := &storetest.Memory{}
	r := archivetest.NewRepo(t, store)
	first := archivetest.Backup(t, r, a)
	objects, bodies, examines := len(store.Names()), a.Bodies, a.Examines
	second := archivetest.Backup(t, r, a)
	if n := len(store.Names()) - objects; n != 1 {
		t.Errorf("%d objects were put, want the manifest alone", n)
	}
	if a.Bodies != bodies || a.Examines != examines {
		t.Errorf("%d messages were downloaded and %d mailboxes opened, want none", a.Bodies-bodies, a.Examines-examines)
	}
	if second.Manifest.Parent != first.Head.ID || !second.Manifest.Consistent {
		t.Errorf("the second manifest: parent %x, consistent %v", second.Manifest.Parent, second.Manifest.Consistent)
	}
	archivetest.MustHold(t, r, second, a.State())
}

func TestEveryManifestEqualsTheAccount(t *testing.T) {
	servers := map[string]func(*archivetest.Account){
		"QRESYNC":   func(a *archivetest.Account) {},
		"CONDSTORE": func(a *archivetest.Account) { a.Qresync = false },
		"neither":   func(a *archivetest.Account) { a.Qresync, a.Condstore = false, false },
	}
	for name, less := range servers {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			a := archivetest.NewAccount()
			less(a)
			for i := range 1400 { // INBOX takes more than a page
				a.Mailbox([]string{"INBOX", "INBOX", "INBOX", "INBOX", "INBOX", "Archive", "Lists/go"}[i%7]).Add(fmt.Sprintf("Subject: %d\r\n\r\n%d\r\n", i, i))
			}
			r := archivetest.NewRepo(t, &storetest.Memory{})
			var nights []*backup.Result
			var states [][]string
			for range 7 {
				for range rng.IntN(60) {
					a.Change(rng)
				}
				nights = append(nights, archivetest.Backup(t, r, a))
				states = append(states, a.State())
				if !nights[len(nights)-1].Manifest.Consistent {
					t.Error("not called consistent, though nothing changed under the backup")
				}
			}
			for i := range nights {
				archivetest.MustHold(t, r, nights[i], states[i])
			}
		})
	}
}

func TestLostConnectionsLoseAndRepeatNothing(t *testing.T) {
	a := archivetest.SampleAccount()
	var n atomic.Int64
	a.OnBody = func(string, mail.UID) error {
		if n.Add(1)%100 == 0 {
			return fmt.Errorf("%w: BYE", mail.ErrTemporary)
		}
		return nil
	}
	r := archivetest.NewRepo(t, &storetest.Memory{})
	b := archivetest.Backup(t, r, a)
	archivetest.MustHold(t, r, b, a.State())
	if len(b.Manifest.Failures) > 0 {
		t.Errorf("failures: %v", b.Manifest.Failures)
	}
}

func TestMessageThatCannotBeReadIsAFailureAndTriedAgain(t *testing.T) {
	causes := map[string]error{
		"costs the connection": fmt.Errorf("%w: BYE", mail.ErrTemporary),
		"is left out":          archivetest.ErrLeaveOut,
		"is refused":           fmt.Errorf("%w: NO [UNAVAILABLE]", mail.ErrRefused),
	}
	for name, cause := range causes {
		t.Run(name, func(t *testing.T) {
			a := archivetest.NewAccount()
			for i := range 40 {
				a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: %d\r\n\r\nbody\r\n", i))
			}
			poison := mail.UID(17)
			a.OnBody = func(_ string, uid mail.UID) error {
				if uid == poison {
					return cause
				}
				return nil
			}
			r := archivetest.NewRepo(t, &storetest.Memory{})
			b := archivetest.Backup(t, r, a)
			failures := b.Manifest.Failures
			if len(failures) != 1 || failures[0].UID != poison || failures[0].Mailbox != "INBOX" || failures[0].Reason == "" {
				t.Fatalf("failures: %v", failures)
			}
			if b.Manifest.Totals.Messages != 39 || b.Manifest.Consistent {
				t.Errorf("%d messages, consistent %v", b.Manifest.Totals.Messages, b.Manifest.Consistent)
			}
			a.OnBody = nil
			bodies := a.Bodies
			b = archivetest.Backup(t, r, a)
			archivetest.MustHold(t, r, b, a.State())
			if a.Bodies-bodies != 1 || len(b.Manifest.Failures) > 0 {
				t.Errorf("the next run downloaded %d messages, want 1; failures %v", a.Bodies-bodies, b.Manifest.Failures)
			}
		})
	}
}

func TestUnopenableMailboxKeepsItsRecord(t *testing.T) {
	a := archivetest.SampleAccount()
	r := archivetest.NewRepo(t, &storetest.Memory{})
	archivetest.Backup(t, r, a)
	before := a.State()
	a.Mailbox("INBOX").Modseq++
	a.OnExamine = func(name string) error {
		if name == "INBOX" {
			return fmt.Errorf("%w: NO [SERVERBUG]", mail.ErrRefused)
		}
		return nil
	}
	b := archivetest.Backup(t, r, a)
	archivetest.MustHold(t, r, b, before)
	if b.Manifest.Consistent || len(b.Manifest.Failures) != 1 || b.Manifest.Failures[0].Mailbox != "INBOX" {
		t.Errorf("consistent %v, failures %v", b.Manifest.Consistent, b.Manifest.Failures)
	}
}

func TestMessageMovedWhileReadingIsNotLost(t *testing.T) {
	a := archivetest.NewAccount()
	a.Mailbox("A").Add("Subject: stays\r\n\r\n")
	moving := "Subject: moves\r\n\r\n"
	uid := a.Mailbox("Z").Add(moving).UID
	a.OnSurvey = func(n int) {
		if n == 2 { // A and Z have been read, and the second survey is about to be taken
			a.Mailbox("Z").Expunge(uid)
			a.Mailbox("A").Add(moving)
			delete(a.Mailboxes, "Z")
			a.Mailbox("A/Z")
		}
	}
	r := archivetest.NewRepo(t, &storetest.Memory{})
	b := archivetest.Backup(t, r, a)
	archivetest.MustHold(t, r, b, a.State())
	if !b.Manifest.Consistent {
		t.Error("the last survey agreed with the record, but the manifest is not called consistent")
	}
}

func TestChangingAccountIsNotConsistent(t *testing.T) {
	a := archivetest.NewAccount()
	a.Mailbox("INBOX").Add("Subject: 1\r\n\r\n")
	a.OnSurvey = func(n int) { a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: %d\r\n\r\n", n)) }
	b := archivetest.Backup(t, archivetest.NewRepo(t, &storetest.Memory{}), a)
	if b.Manifest.Consistent {
		t.Error("called consistent, though each survey showed something new")
	}
}

func TestSuspiciousShrinkageRaisesTheAlarm(t *testing.T) {
	a := archivetest.SampleAccount()
	r := archivetest.NewRepo(t, &storetest.Memory{})
	archivetest.Backup(t, r, a)
	inbox := a.Mailbox("INBOX")
	for _, m := range slices.Clone(inbox.Messages[:600]) {
		inbox.Expunge(m.UID)
	}
	b := archivetest.Backup(t, r, a)
	if len(b.Manifest.Alarm) != 2 || !strings.Contains(b.Manifest.Alarm[0], "INBOX") {
		t.Errorf("alarm: %q", b.Manifest.Alarm)
	}
	archivetest.MustHold(t, r, b, a.State())
}

func TestRenamedMailboxIsNotDownloadedAgain(t *testing.T) {
	for _, otherwise := range []bool{false, true} {
		a := archivetest.SampleAccount()
		r := archivetest.NewRepo(t, &storetest.Memory{})
		archivetest.Backup(t, r, a)
		bodies := a.Bodies
		inbox := a.Mailbox("INBOX")
		delete(a.Mailboxes, "INBOX")
		inbox.Name, a.Mailboxes["Archive/INBOX"] = "Archive/INBOX", inbox
		want := 0
		if otherwise { // the numbers are the same, but a message is another one
			inbox.Messages[700].Date = " 1-Jan-2001 00:00:00 +0000"
			want = len(inbox.Messages)
		}
		b := archivetest.Backup(t, r, a)
		archivetest.MustHold(t, r, b, a.State())
		if a.Bodies-bodies != want {
			t.Errorf("%d messages were downloaded, want %d", a.Bodies-bodies, want)
		}
	}
}

func TestDeselectedMailboxIsNoLoss(t *testing.T) {
	a := archivetest.SampleAccount()
	r := archivetest.NewRepo(t, &storetest.Memory{})
	archivetest.Backup(t, r, a)
	state, bodies := a.State(), a.Bodies
	only := func(m mail.Mailbox) bool { return m.Name == "Odd" }
	backups, err := backup.Run(t.Context(), r, []backup.Account{{Name: "account-0", URL: "imap://test", Source: a, Select: only}}, backup.Options{})
	if err != nil || backups[0].Err != nil {
		t.Fatal(err, backups[0].Err)
	}
	b := backups[0]
	if len(b.Manifest.Alarm) > 0 || len(b.Manifest.Warnings) > 0 || !b.Manifest.Consistent {
		t.Errorf("alarm %q, warnings %q, consistent %v", b.Manifest.Alarm, b.Manifest.Warnings, b.Manifest.Consistent)
	}
	archivetest.MustHold(t, r, b, state)
	archivetest.MustHold(t, r, archivetest.Backup(t, r, a), state)
	if a.Bodies != bodies {
		t.Errorf("%d messages were downloaded again", a.Bodies-bodies)
	}
}

// Mailutils gives an empty mailbox a new UIDVALIDITY with each survey, and Courier until it is
// opened once.
func TestRenumberedEmptyMailboxIsNoLoss(t *testing.T) {
	a := archivetest.SampleAccount()
	a.OnSurvey = func(int) { a.Mailbox("Empty").Reset() }
	r := archivetest.NewRepo(t, &storetest.Memory{})
	if b := archivetest.Backup(t, r, a); len(b.Manifest.Warnings) != 0 || !b.Manifest.Consistent {
		t.Errorf("warnings %q, consistent %t", b.Manifest.Warnings, b.Manifest.Consistent)
	}
	a.Mailbox("Odd").Reset()
	if b := archivetest.Backup(t, r, a); len(b.Manifest.Warnings) != 1 || !strings.Contains(b.Manifest.Warnings[0], "Odd") {
		t.Errorf("of one with messages: %q", b.Manifest.Warnings)
	}
}

func TestVanishedMailboxIsReportedUnlessRenamed(t *testing.T) {
	a := archivetest.SampleAccount()
	r := archivetest.NewRepo(t, &storetest.Memory{})
	archivetest.Backup(t, r, a)
	odd := a.Mailbox("Odd")
	delete(a.Mailboxes, "Odd")
	odd.Name, a.Mailboxes["Even"] = "Even", odd
	if b := archivetest.Backup(t, r, a); len(b.Manifest.Warnings) != 0 {
		t.Errorf("after a renaming: %q", b.Manifest.Warnings)
	}
	delete(a.Mailboxes, "Even")
	if b := archivetest.Backup(t, r, a); len(b.Manifest.Alarm) != 1 || !strings.Contains(b.Manifest.Alarm[0], `"Even" is gone`) {
		t.Errorf("after a loss: %q", b.Manifest.Alarm)
	}
}

func TestAccountsShareChunks(t *testing.T) {
	store := &storetest.Memory{}
	r := archivetest.NewRepo(t, store)
	archivetest.Backup(t, r, archivetest.SampleAccount())
	data := func() (n int) {
		for _, name := range store.Names() {
			if strings.HasPrefix(name, "data/") {
				n++
			}
		}
		return n
	}
	before := data()
	backups, err := backup.Run(t.Context(), r, []backup.Account{{Name: "another", Source: archivetest.SampleAccount()}}, backup.Options{})
	if err != nil || backups[0].Err != nil {
		t.Fatal(err, backups[0].Err)
	}
	if n := data() - before; n != 0 {
		t.Errorf("the same mail of another account made %d data packs, want none", n)
	}
}

// The store crashes at each of its operations in turn: what was committed before can be restored,
// and the run after the crash archives the whole account.
func TestStoreThatFailsAtAnyStepLosesNothing(t *testing.T) {
	small := func() *archivetest.Account {
		a := archivetest.NewAccount()
		for i := range 30 {
			a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: %d\r\n\r\nbody %d\r\n", i, i))
		}
		return a
	}
	for _, fault := range []storetest.Fault{storetest.Refuse, storetest.Lose, storetest.Truncate} {
		origin := &storetest.Memory{}
		archivetest.Backup(t, archivetest.NewRepo(t, origin), small())
		for n := 1; ; n++ {
			memory := origin.Clone()
			r := archivetest.Reopen(t, memory)
			a := small()
			first := archivetest.Backup(t, r, a)
			was := a.State()
			a.Mailbox("INBOX").Add("Subject: later\r\n\r\nlater\r\n")
			a.Mailbox("Other").Add("Subject: other\r\n\r\nother\r\n")

			faulty := &storetest.Faulty{Store: memory}
			broken, err := repo.Open(t.Context(), faulty, repo.Unlock{}, repo.Options{})
			if err != nil {
				t.Fatal(err)
			}
			opened := faulty.Ops()
			faulty.Fail = storetest.CrashAt(opened+n, fault)
			b := archivetest.TryBackup(t.Context(), broken, a)
			broken.Close()
			archivetest.MustHold(t, r, first, was)
			again := archivetest.Backup(t, r, a)
			archivetest.MustHold(t, r, again, a.State())
			if faulty.Ops() < opened+n {
				if b.Err != nil {
					t.Fatalf("without a fault: %v", b.Err)
				}
				break // the run has fewer operations: all of them were tried
			}
		}
	}
}
