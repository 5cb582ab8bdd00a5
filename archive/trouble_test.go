package archive_test

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

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo/storetest"
)

var errLost = fmt.Errorf("%w: connection lost", archive.ErrTemporary)

// TestFewConnectionsAfterARestart breaks every view at once, while two large mailboxes share two connections: whoever
// waits for work must not keep a connection from one who has it.
func TestFewConnectionsAfterARestart(t *testing.T) {
	a := newAccount()
	a.tokens = make(chan struct{}, 2)
	for i := range 6_000 {
		a.mailbox([]string{"A", "B"}[i%2]).add(fmt.Sprintf("Subject: %d\r\n\r\n", i))
	}
	var n atomic.Int64
	a.onBody = func(string, mail.UID) error {
		if m := n.Add(1); m > 300 && m <= 304 {
			return errLost
		}
		return nil
	}
	r := newRepo(t, &storetest.Memory{})
	mustHold(t, r, backUp(t, r, a), a.state())
}

func TestServerThatIsGoneCostsNoMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := large(2000)
		var down atomic.Bool
		a.onBody = func(_ string, uid mail.UID) error {
			if uid == 300 {
				down.Store(true)
			}
			if down.Load() {
				return errLost
			}
			return nil
		}
		a.onExamine = func(string) error {
			if down.Load() {
				return errLost
			}
			return nil
		}
		a.surveyError = func() error {
			if down.Load() {
				return errLost
			}
			return nil
		}
		r := newRepo(t, &storetest.Memory{})
		began := time.Now()
		b := tryBackUp(t.Context(), r, a)
		if !errors.Is(b.Err, archive.ErrTemporary) {
			t.Fatalf("%v", b.Err)
		}
		if took := time.Since(began); took > 20*time.Minute || a.examines > 60 {
			t.Errorf("given up after %v and %d attempts", took, a.examines)
		}
	})
}

func TestServerThatAsksForPatienceGetsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := large(600)
		began := time.Now()
		a.onBody = func(string, mail.UID) error {
			if time.Since(began) < time.Minute {
				return errLost
			}
			return nil
		}
		r := newRepo(t, &storetest.Memory{})
		b := backUp(t, r, a)
		mustHold(t, r, b, a.state())
		if len(b.Manifest.Failures) > 0 {
			t.Errorf("an outage of a minute made %d failures", len(b.Manifest.Failures))
		}
	})
}

func TestGapIsAFailure(t *testing.T) {
	a := large(20)
	a.hidden = map[mail.UID]bool{5: true}
	r := newRepo(t, &storetest.Memory{})
	for range 2 {
		b := backUp(t, r, a)
		if len(b.Manifest.Failures) != 2 || !strings.Contains(b.Manifest.Failures[0].Reason, "10 messages and lists 9") || b.Manifest.Consistent {
			t.Errorf("consistent %v, failures %v", b.Manifest.Consistent, b.Manifest.Failures)
		}
	}
	a.hidden = nil
	b := backUp(t, r, a)
	mustHold(t, r, b, a.state())
	if len(b.Manifest.Failures) > 0 {
		t.Errorf("failures: %v", b.Manifest.Failures)
	}
}

func TestListedMailboxThatIsNotFoundStandsAsBefore(t *testing.T) {
	a := sample()
	r := newRepo(t, &storetest.Memory{})
	backUp(t, r, a)
	before := a.state()
	a.mailbox("INBOX").modseq++
	a.onExamine = func(name string) error {
		if name == "INBOX" {
			return fmt.Errorf("%w: NO index file not found", archive.ErrNoMailbox)
		}
		return nil
	}
	b := backUp(t, r, a)
	mustHold(t, r, b, before)
	if len(b.Manifest.Failures) != 1 || b.Manifest.Consistent {
		t.Errorf("consistent %v, failures %v", b.Manifest.Consistent, b.Manifest.Failures)
	}
}

func TestMailboxRenumberedUnderTheReaderIsReadAnew(t *testing.T) {
	a := large(2000)
	var once sync.Once
	a.onBody = func(name string, uid mail.UID) (err error) {
		if name == "INBOX" && uid == 400 {
			once.Do(func() {
				a.mu.Lock()
				defer a.mu.Unlock()
				a.mailbox("INBOX").validity += 1000
				err = errLost
			})
		}
		return err
	}
	r := newRepo(t, &storetest.Memory{})
	b := backUp(t, r, a)
	mustHold(t, r, b, a.state())
	if !b.Manifest.Consistent || len(b.Manifest.Failures) > 0 {
		t.Errorf("consistent %v, failures %v", b.Manifest.Consistent, b.Manifest.Failures)
	}
}

// TestLateArrivalIsNotTakenForTheOneThatLeft: one message leaves, and another one comes with a UID below the last
// UIDNEXT. Their number is the same as before.
func TestLateArrivalIsNotTakenForTheOneThatLeft(t *testing.T) {
	for _, qresync := range []bool{true, false} {
		a := newAccount()
		a.qresync = qresync
		inbox := a.mailbox("INBOX")
		for i := range 8 {
			inbox.add(fmt.Sprintf("Subject: %d\r\n\r\n", i))
		}
		late := inbox.messages[4]
		inbox.messages = slices.Delete(inbox.messages, 4, 5)
		r := newRepo(t, &storetest.Memory{})
		backUp(t, r, a)
		inbox.modseq++
		late.modseq = inbox.modseq
		inbox.messages = slices.Insert(inbox.messages, 4, late)
		inbox.expunge(2)
		mustHold(t, r, backUp(t, r, a), a.state())
	}
}

func TestServerWithoutUIDNEXT(t *testing.T) {
	a := large(50)
	a.untold = true
	r := newRepo(t, &storetest.Memory{})
	mustHold(t, r, backUp(t, r, a), a.state())
	a.mailbox("INBOX").add("Subject: later\r\n\r\n")
	a.mailbox("INBOX").expunge(3)
	bodies := a.bodies
	mustHold(t, r, backUp(t, r, a), a.state())
	if n := a.bodies - bodies; n != 1 {
		t.Errorf("%d messages were downloaded, want the new one", n)
	}
}

func TestEmptyBodyOfAMessageThatHasASizeIsAFailure(t *testing.T) {
	a := large(10)
	a.empty = map[mail.UID]bool{3: true}
	r := newRepo(t, &storetest.Memory{})
	b := backUp(t, r, a)
	if len(b.Manifest.Failures) != 2 || b.Manifest.Failures[0].UID != 3 {
		t.Errorf("failures: %v", b.Manifest.Failures)
	}
	a.empty = nil
	mustHold(t, r, backUp(t, r, a), a.state())
}

func TestFailuresOfAMailboxThatCannotBeOpenedAreKept(t *testing.T) {
	a := large(10)
	a.onBody = func(name string, uid mail.UID) error {
		if name == "INBOX" && uid == 3 {
			return errLeaveOut
		}
		return nil
	}
	r := newRepo(t, &storetest.Memory{})
	backUp(t, r, a)
	a.onExamine = func(name string) error { return fmt.Errorf("%w: NO", archive.ErrRefused) }
	b := backUp(t, r, a)
	if !slices.ContainsFunc(b.Manifest.Failures, func(f manifest.Failure) bool { return f.UID == 3 }) {
		t.Errorf("failures: %v", b.Manifest.Failures)
	}
}
