package backup_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

var errLost = fmt.Errorf("%w: connection lost", mail.ErrTemporary)

// All views break at once while two large mailboxes share two connections. A worker that waits for
// work must not keep a connection from one that has work.
func TestFewConnectionsAfterARestart(t *testing.T) {
	a := archivetest.NewAccount()
	a.Tokens = make(chan struct{}, 2)
	for i := range 6_000 {
		a.Mailbox([]string{"A", "B"}[i%2]).Add(fmt.Sprintf("Subject: %d\r\n\r\n", i))
	}
	var n atomic.Int64
	a.OnBody = func(string, mail.UID) error {
		if m := n.Add(1); m > 300 && m <= 304 {
			return errLost
		}
		return nil
	}
	r := archivetest.NewRepo(t, &storetest.Memory{})
	archivetest.MustHold(t, r, archivetest.Backup(t, r, a), a.State())
}

func TestServerThatIsGoneCostsNoMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := archivetest.LargeAccount(2000)
		var down atomic.Bool
		a.OnBody = func(_ string, uid mail.UID) error {
			if uid == 300 {
				down.Store(true)
			}
			if down.Load() {
				return errLost
			}
			return nil
		}
		a.OnExamine = func(string) error {
			if down.Load() {
				return errLost
			}
			return nil
		}
		a.SurveyError = func() error {
			if down.Load() {
				return errLost
			}
			return nil
		}
		r := archivetest.NewRepo(t, &storetest.Memory{})
		began := time.Now()
		b := archivetest.TryBackup(t.Context(), r, a)
		if !errors.Is(b.Err, mail.ErrTemporary) {
			t.Fatalf("%v", b.Err)
		}
		if took := time.Since(began); took > 20*time.Minute || a.Examines > 60 {
			t.Errorf("given up after %v and %d attempts", took, a.Examines)
		}
	})
}

func TestServerThatAsksToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := archivetest.LargeAccount(600)
		began := time.Now()
		a.OnBody = func(string, mail.UID) error {
			if time.Since(began) < time.Minute {
				return errLost
			}
			return nil
		}
		r := archivetest.NewRepo(t, &storetest.Memory{})
		b := archivetest.Backup(t, r, a)
		archivetest.MustHold(t, r, b, a.State())
		if len(b.Manifest.Failures) > 0 {
			t.Errorf("an outage of a minute made %d failures", len(b.Manifest.Failures))
		}
	})
}

func TestGapIsAFailure(t *testing.T) {
	a := archivetest.LargeAccount(20)
	a.Hidden = map[mail.UID]bool{5: true}
	r := archivetest.NewRepo(t, &storetest.Memory{})
	for range 2 {
		b := archivetest.Backup(t, r, a)
		if len(b.Manifest.Failures) != 2 || !strings.Contains(b.Manifest.Failures[0].Reason, "10 messages and lists 9") || b.Manifest.Consistent {
			t.Errorf("consistent %v, failures %v", b.Manifest.Consistent, b.Manifest.Failures)
		}
	}
	a.Hidden = nil
	b := archivetest.Backup(t, r, a)
	archivetest.MustHold(t, r, b, a.State())
	if len(b.Manifest.Failures) > 0 {
		t.Errorf("failures: %v", b.Manifest.Failures)
	}
}

func TestListedMailboxThatIsNotFoundKeepsItsRecord(t *testing.T) {
	a := archivetest.SampleAccount()
	r := archivetest.NewRepo(t, &storetest.Memory{})
	archivetest.Backup(t, r, a)
	before := a.State()
	a.Mailbox("INBOX").Modseq++
	a.OnExamine = func(name string) error {
		if name == "INBOX" {
			return fmt.Errorf("%w: NO index file not found", mail.ErrNoMailbox)
		}
		return nil
	}
	b := archivetest.Backup(t, r, a)
	archivetest.MustHold(t, r, b, before)
	if len(b.Manifest.Failures) != 1 || b.Manifest.Consistent {
		t.Errorf("consistent %v, failures %v", b.Manifest.Consistent, b.Manifest.Failures)
	}
}

// If a server refuses every mailbox, the first run fails, and writes no manifest that would look
// like an empty account. A later run keeps what is archived.
func TestFirstRunThatReadsNothingFails(t *testing.T) {
	a := archivetest.SampleAccount()
	refuse := func(string) error { return fmt.Errorf("%w: NO [NOPERM] not now", mail.ErrRefused) }
	a.OnExamine = refuse
	r := archivetest.NewRepo(t, &storetest.Memory{})
	b := archivetest.TryBackup(t.Context(), r, a)
	if b.Err == nil || !strings.Contains(b.Err.Error(), "NO [NOPERM] not now") || !strings.Contains(b.Err.Error(), "nothing is archived") {
		t.Errorf("the first run ended with %v", b.Err)
	}
	for head, err := range r.Manifests(t.Context()) {
		t.Errorf("there is a manifest: %v, %v", head, err)
	}
	a.OnExamine = nil
	archivetest.MustHold(t, r, archivetest.Backup(t, r, a), a.State())
	before := a.State()
	a.OnExamine = refuse
	for _, name := range []string{"INBOX", "Work"} {
		a.Mailbox(name).Modseq++
	}
	archivetest.MustHold(t, r, archivetest.Backup(t, r, a), before)
}

func TestMailboxRenumberedWhileReadIsReadAgain(t *testing.T) {
	a := archivetest.LargeAccount(2000)
	var once sync.Once
	a.OnBody = func(name string, uid mail.UID) (err error) {
		if name == "INBOX" && uid == 400 {
			once.Do(func() {
				a.Mu.Lock()
				defer a.Mu.Unlock()
				a.Mailbox("INBOX").Validity += 1000
				err = errLost
			})
		}
		return err
	}
	r := archivetest.NewRepo(t, &storetest.Memory{})
	b := archivetest.Backup(t, r, a)
	archivetest.MustHold(t, r, b, a.State())
	if !b.Manifest.Consistent || len(b.Manifest.Failures) > 0 {
		t.Errorf("consistent %v, failures %v", b.Manifest.Consistent, b.Manifest.Failures)
	}
}

// One message leaves, and another arrives with a UID below the last UIDNEXT. The number of messages
// is the same as before.
func TestLateArrivalIsNotMistakenForTheMessageThatLeft(t *testing.T) {
	for _, qresync := range []bool{true, false} {
		a := archivetest.NewAccount()
		a.Qresync = qresync
		inbox := a.Mailbox("INBOX")
		for i := range 8 {
			inbox.Add(fmt.Sprintf("Subject: %d\r\n\r\n", i))
		}
		late := inbox.Messages[4]
		inbox.Messages = slices.Delete(inbox.Messages, 4, 5)
		r := archivetest.NewRepo(t, &storetest.Memory{})
		archivetest.Backup(t, r, a)
		inbox.Modseq++
		late.Modseq = inbox.Modseq
		inbox.Messages = slices.Insert(inbox.Messages, 4, late)
		inbox.Expunge(2)
		archivetest.MustHold(t, r, archivetest.Backup(t, r, a), a.State())
	}
}

func TestServerWithoutUIDNEXT(t *testing.T) {
	a := archivetest.LargeAccount(50)
	a.NoStatus = true
	r := archivetest.NewRepo(t, &storetest.Memory{})
	archivetest.MustHold(t, r, archivetest.Backup(t, r, a), a.State())
	a.Mailbox("INBOX").Add("Subject: later\r\n\r\n")
	a.Mailbox("INBOX").Expunge(3)
	bodies := a.Bodies
	archivetest.MustHold(t, r, archivetest.Backup(t, r, a), a.State())
	if n := a.Bodies - bodies; n != 1 {
		t.Errorf("%d messages were downloaded, want the new one", n)
	}
}

func TestEmptyBodyOfAMessageThatHasASizeIsAFailure(t *testing.T) {
	a := archivetest.LargeAccount(10)
	a.Empty = map[mail.UID]bool{3: true}
	r := archivetest.NewRepo(t, &storetest.Memory{})
	b := archivetest.Backup(t, r, a)
	if len(b.Manifest.Failures) != 2 || b.Manifest.Failures[0].UID != 3 {
		t.Errorf("failures: %v", b.Manifest.Failures)
	}
	a.Empty = nil
	archivetest.MustHold(t, r, archivetest.Backup(t, r, a), a.State())
}

func TestFailuresOfAMailboxThatCannotBeOpenedAreKept(t *testing.T) {
	a := archivetest.LargeAccount(10)
	a.OnBody = func(name string, uid mail.UID) error {
		if name == "INBOX" && uid == 3 {
			return archivetest.ErrLeaveOut
		}
		return nil
	}
	r := archivetest.NewRepo(t, &storetest.Memory{})
	archivetest.Backup(t, r, a)
	a.OnExamine = func(name string) error { return fmt.Errorf("%w: NO", mail.ErrRefused) }
	b := archivetest.Backup(t, r, a)
	if !slices.ContainsFunc(b.Manifest.Failures, func(f manifest.Failure) bool { return f.UID == 3 }) {
		t.Errorf("failures: %v", b.Manifest.Failures)
	}
}
