package backup_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// mortal is a repository on a host whose cache persists, and where runs can be killed.
type mortal struct {
	*repo.Repo
	dead atomic.Bool
}

func newMortal(t *testing.T) *mortal {
	t.Helper()
	m := new(mortal)
	store := &storetest.Faulty{Store: &storetest.Memory{}, Fail: func(storetest.Op) storetest.Fault {
		if m.dead.Load() {
			return storetest.Refuse
		}
		return storetest.None
	}}
	var err error
	m.Repo, err = repo.Init(t.Context(), store, repo.InitOptions{NoSeal: true, Options: repo.Options{CacheDir: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// killedAfter archives an account until so many messages were requested. After that nothing is
// stored, not even a checkpoint.
func (m *mortal) killedAfter(t *testing.T, a *archivetest.Account, messages int64) {
	t.Helper()
	var n atomic.Int64
	a.OnBody = func(string, mail.UID) error {
		if n.Add(1) > messages {
			m.dead.Store(true)
			return errors.New("killed")
		}
		return nil
	}
	if b := archivetest.TryBackup(t.Context(), m.Repo, a); b.Err == nil || b.Kept {
		t.Fatalf("%v, kept %v", b.Err, b.Kept)
	}
	a.OnBody = nil
	m.dead.Store(false)
}

func TestKilledRunIsContinued(t *testing.T) {
	a := archivetest.LargeAccount(4000)
	r := newMortal(t)
	for range 3 { // each continues from what those before it left
		r.killedAfter(t, a, 1000)
	}
	before := a.Bodies
	b := archivetest.Backup(t, r.Repo, a)
	archivetest.MustHold(t, r.Repo, b, a.State())
	if again := a.Bodies - before; again > 1000 {
		t.Errorf("three runs downloaded 1000 messages each of 4000, and the fourth %d", again)
	}
	before = a.Bodies
	archivetest.MustHold(t, r.Repo, archivetest.Backup(t, r.Repo, a), a.State())
	if a.Bodies != before {
		t.Errorf("%d messages were downloaded again", a.Bodies-before)
	}
}

// What changed since the run was killed is recorded as it is now: messages that are gone, new ones,
// and one that has the UID of another.
func TestRecoveryLogIsAHint(t *testing.T) {
	a := archivetest.LargeAccount(1500)
	r := newMortal(t)
	r.killedAfter(t, a, 1400)
	for name, m := range a.Mailboxes {
		for uid := mail.UID(1); uid < 100; uid += 3 {
			m.Expunge(uid)
		}
		m.SetFlags(200, `\Seen`)
		m.Add("Subject: new in " + name + "\r\n\r\n")
	}
	inbox := a.Mailbox("INBOX").Messages
	inbox[10].Body = []byte("Subject: another message with this UID\r\n\r\n")
	reset := a.Mailbox("Archive")
	reset.Validity += 10
	for i, m := range reset.Messages {
		m.Body = fmt.Appendf(nil, "Subject: %d\r\n\r\nsize %s\r\n", i, strings.Repeat("x", i%3))
	}
	b := archivetest.Backup(t, r.Repo, a)
	archivetest.MustHold(t, r.Repo, b, a.State())
}

// A host that cannot write a recovery log archives as well.
func TestHostWithoutRecoveryLog(t *testing.T) {
	a := archivetest.LargeAccount(600)
	r := archivetest.NewRepo(t, &storetest.Memory{})
	archivetest.MustHold(t, r, archivetest.Backup(t, r, a), a.State())
}
