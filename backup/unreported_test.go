package backup_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive/loss"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// asked is a store that records what it is asked.
type asked struct {
	*storetest.Memory
	mu       sync.Mutex
	requests []string
}

func (s *asked) note(request string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, request)
}

func (s *asked) Get(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
	s.note("GET " + name)
	return s.Memory.Get(ctx, name, offset, length)
}

func (s *asked) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	s.note("LIST " + prefix)
	return s.Memory.List(ctx, prefix)
}

// shared is an account that several hosts archive into one repository.
type shared struct {
	t       *testing.T
	store   *asked
	account *archivetest.Account
	hosts   map[string]*repo.Repo // each remembers what it wrote
}

func newShared(t *testing.T, messages int) *shared {
	s := &shared{t: t, store: &asked{Memory: new(storetest.Memory)}, account: archivetest.NewAccount(), hosts: make(map[string]*repo.Repo)}
	if err := archivetest.NewRepo(t, s.store).Close(); err != nil {
		t.Fatal(err)
	}
	for n := range messages {
		s.account.Mailbox("INBOX").Add(fmt.Sprintf("Subject: %d\r\n\r\nbody\r\n", n))
	}
	return s
}

func (s *shared) host(name string) *repo.Repo {
	if s.hosts[name] == nil {
		r, err := repo.Open(s.t.Context(), s.store, repo.Unlock{}, repo.Options{CacheDir: s.t.TempDir(), StateDir: s.t.TempDir(), Location: "there"})
		if err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() { r.Close() })
		s.hosts[name] = r
	}
	return s.hosts[name]
}

// night archives the account on a host.
func (s *shared) night(host string) *backup.Result {
	s.t.Helper()
	b := archivetest.Backup(s.t, s.host(host), s.account)
	s.store.Advance(24 * time.Hour)
	return b
}

// forge writes a manifest of another account, without an alarm, as a thief of a writer's key would.
func (s *shared) forge(other *archivetest.Account) *backup.Result {
	s.t.Helper()
	off := func(*mail.Mailbox) loss.Limit { return loss.Limit{Off: true} }
	all, err := backup.Run(s.t.Context(), s.host("thief"),
		[]backup.Account{{Name: "account-0", URL: "imap://test", Source: other, ShrinkLimit: off}}, backup.Options{})
	if err != nil || all[0].Err != nil || len(all[0].Manifest.Alarm) > 0 {
		s.t.Fatal(err, all[0].Err, all[0].Manifest)
	}
	s.store.Advance(time.Hour)
	return all[0]
}

func (s *shared) mustName(b, forged *backup.Result) {
	s.t.Helper()
	id := fmt.Sprintf("%x", forged.Head.ID[:4])
	if !slices.ContainsFunc(b.Manifest.Alarm, func(alarm string) bool {
		return strings.Contains(alarm, "manifest "+id) && strings.Contains(alarm, "forget --acknowledge "+id)
	}) {
		s.t.Errorf("manifest %s is not named: %q", id, b.Manifest.Alarm)
	}
}

func (s *shared) mustBeSilent(b *backup.Result) {
	s.t.Helper()
	if len(b.Manifest.Alarm) > 0 {
		s.t.Errorf("alarms: %q", b.Manifest.Alarm)
	}
}

// The next backup names a false manifest that has no alarm, and no later one does, whatever was
// forged and whichever host archives next.
func TestManifestThatLacksMailIsReported(t *testing.T) {
	other := archivetest.NewAccount()
	other.Mailbox("INBOX").Validity = 99
	for n := range 33 {
		other.Mailbox("INBOX").Add(fmt.Sprintf("Subject: nonsense %d\r\n\r\n", n))
	}
	for name, forge := range map[string]func(s *shared) *backup.Result{
		"empty":      func(s *shared) *backup.Result { return s.forge(archivetest.NewAccount()) },
		"other mail": func(s *shared) *backup.Result { return s.forge(other) },
		"several": func(s *shared) *backup.Result {
			first := s.forge(archivetest.NewAccount())
			for range 3 {
				s.forge(archivetest.NewAccount())
			}
			return first
		},
	} {
		for _, next := range []string{"one", "two", "another"} {
			t.Run(name+", then host "+next, func(t *testing.T) {
				s := newShared(t, 30)
				for day, host := range []string{"two", "one", "one"} {
					s.account.Mailbox("INBOX").Add(fmt.Sprintf("Subject: day %d\r\n\r\n", day))
					s.mustBeSilent(s.night(host))
				}
				forged := forge(s)
				b := s.night(next)
				s.mustName(b, forged)
				archivetest.MustHold(t, s.host(next), b, s.account.State())
				s.mustBeSilent(s.night(next))
			})
		}
	}
}

// A run looks once whether the alarm of the manifest that it continues from is listed.
func TestAlarmIsLookedUpOnce(t *testing.T) {
	s := newShared(t, 100)
	s.night("one")
	inbox := s.account.Mailbox("INBOX")
	for range 90 {
		inbox.Expunge(inbox.Messages[0].UID)
	}
	alarming := s.night("one")
	if len(alarming.Manifest.Alarm) == 0 {
		t.Fatal("there is no alarm")
	}
	s.store.requests = nil
	s.night("one")
	request := "LIST " + format.AlarmName(alarming.Head.Name)
	if n := len(slices.DeleteFunc(s.store.requests, func(asked string) bool { return asked != request })); n != 1 {
		t.Errorf("%s: %d times", request, n)
	}
}

// If the owner has acknowledged the manifest, nothing is named.
func TestAcknowledgedManifestIsNotReported(t *testing.T) {
	s := newShared(t, 30)
	s.night("one")
	forged := s.forge(archivetest.NewAccount())
	if err := s.host("one").Tag(t.Context(), forged.Head, []string{history.TagAcknowledged}, nil); err != nil {
		t.Fatal(err)
	}
	s.mustBeSilent(s.night("one"))
}

// A run that is cut short names it too, although the run that continues has the checkpoint as its
// parent.
func TestCheckpointReportsAManifestThatLacksMail(t *testing.T) {
	s := newShared(t, 0)
	s.account = archivetest.LargeAccount(3000)
	s.account.Connections = 1
	s.night("one")
	forged := s.forge(archivetest.NewAccount())
	n := 0
	s.account.OnBody = func(string, mail.UID) error {
		if n++; n > 2500 {
			return errors.New("the server is gone for good")
		}
		return nil
	}
	if b := archivetest.TryBackup(t.Context(), s.host("one"), s.account); b.Err == nil || !b.Kept {
		t.Fatalf("%v, kept %v", b.Err, b.Kept)
	}
	s.account.OnBody = nil
	s.mustName(s.night("one"), forged)
	s.mustBeSilent(s.night("one"))
}

// Hosts that take turns do not name each other's manifests: neither for renames and moves, nor for
// losses that have an alarm already.
func TestHostsThatTakeTurns(t *testing.T) {
	s := newShared(t, 120)
	s.night("one")
	for i, day := range []func(){
		func() { s.account.Mailbox("INBOX").Reset() },
		func() {
			for _, m := range slices.Clone(s.account.Mailbox("INBOX").Messages) {
				s.account.Mailbox("INBOX").MoveTo(s.account.Mailbox("Archive"), m.UID)
			}
		},
		func() { s.account.Mailbox("INBOX").Add("Subject: new\r\n\r\n") },
		func() {},
	} {
		day()
		s.mustBeSilent(s.night([]string{"two", "one"}[i%2]))
	}
	for _, m := range slices.Clone(s.account.Mailbox("Archive").Messages) {
		s.account.Mailbox("Archive").Expunge(m.UID)
	}
	if b := s.night("two"); len(b.Manifest.Alarm) == 0 {
		t.Fatal("all was expunged, and there is no alarm")
	}
	s.mustBeSilent(s.night("one"))
	s.mustBeSilent(s.night("two"))
}

// A manifest that this host wrote and that is gone without a mark is named once. One that was
// forgotten is not.
func TestRemovedManifestIsReported(t *testing.T) {
	for _, forgotten := range []bool{false, true} {
		t.Run(fmt.Sprintf("forgotten %v", forgotten), func(t *testing.T) {
			s := newShared(t, 30)
			s.night("one")
			last := s.night("one")
			if forgotten {
				if err := s.host("one").MarkAll(t.Context(), []statement.Marked{{Manifest: last.Head.Name}}); err != nil {
					t.Fatal(err)
				}
				s.store.Advance(24 * time.Hour)
			}
			if err := s.store.Delete(t.Context(), last.Head.Name); err != nil {
				t.Fatal(err)
			}
			named := slices.ContainsFunc(s.night("one").Manifest.Alarm, func(alarm string) bool { return strings.Contains(alarm, last.Head.Name) })
			if named == forgotten {
				t.Errorf("named: %v", named)
			}
			s.mustBeSilent(s.night("one"))
		})
	}
}

// A host that wrote the newest manifest itself asks the store for nothing more than before.
func TestUnchangedAccountComparesNothing(t *testing.T) {
	s := newShared(t, 30)
	for range 3 {
		s.night("one")
	}
	s.store.requests = nil
	s.night("one")
	listings := 0
	for _, request := range s.store.requests {
		switch {
		case strings.HasPrefix(request, "GET manifests/"), strings.HasPrefix(request, "LIST notes/"), strings.HasPrefix(request, "LIST erasures/"):
			t.Errorf("the store is asked: %s", request)
		case strings.HasPrefix(request, "LIST manifests/") && strings.HasSuffix(request, "/"), request == "LIST marks/":
			listings++
		}
	}
	if listings != 2 {
		t.Errorf("manifests and marks are listed %d times: %q", listings, s.store.requests)
	}
}

// A host compares a night also with one that another host put while it read the account the night
// before, although it wrote the newest manifest itself.
func TestMailThatOnlyAnotherHostSawIsReported(t *testing.T) {
	s := newShared(t, 40)
	s.night("laptop")
	now := archivetest.NewAccount()
	for _, m := range s.account.Mailbox("INBOX").Messages {
		now.Mailbox("INBOX").Add(string(m.Body))
	}
	for n := range 30 {
		now.Mailbox("Projects").Add(fmt.Sprintf("Subject: project %d\r\n\r\n", n))
	}
	s.account.OnSurvey = func(int) {
		s.account.OnSurvey = nil
		s.mustBeSilent(archivetest.Backup(t, s.host("server"), now))
		s.store.Advance(time.Minute)
	}
	s.mustBeSilent(s.night("laptop"))
	next := s.night("laptop")
	if !slices.ContainsFunc(next.Manifest.Alarm, func(alarm string) bool { return strings.Contains(alarm, "Projects") }) {
		t.Errorf("what only the server saw is gone, and the alarms are %q", next.Manifest.Alarm)
	}
	s.mustBeSilent(s.night("laptop"))
	s.mustBeSilent(s.night("server"))
}
