package erase_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive/erase"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/objectlock"
	"github.com/mailstrata/mailstrata/repo/recovery"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// The plan names each of two accounts that share a page, and each of them shares the chunks of the
// other.
func TestTwinAccounts(t *testing.T) {
	store := &storetest.Memory{}
	r, one, two := archivetest.NewRepo(t, store), account(), account()
	if b := archivetest.TryBackup(t.Context(), r, one, two); b.Err != nil {
		t.Fatal(b.Err)
	}
	hash := record(t, r, heads(t, r)[0], "INBOX", confidential).Hash
	plan, err := erase.PlanMessages(t.Context(), r, []chunk.ID{hash})
	if err != nil {
		t.Fatal(err)
	}
	if places := plan.Messages[0].Places; len(places) != 2 || places[0].Account == places[1].Account || plan.Shared.Chunks != 0 {
		t.Errorf("%+v, shared %+v", places, plan.Shared)
	}
	if plan, err = erase.PlanAccount(t.Context(), r, "account-0"); err != nil {
		t.Fatal(err)
	}
	if plan.Shared.Chunks < 300 || !strings.HasPrefix(plan.Shared.Example, "account-1") {
		t.Errorf("shared: %+v", plan.Shared)
	}
}

// Erasing a message that no manifest has is an error and writes nothing. One that only a forgotten
// manifest has is erased.
func TestErasingWhatIsForgotten(t *testing.T) {
	store := &storetest.Memory{}
	r, a := archivetest.NewRepo(t, store), account()
	if _, err := erase.PlanMessages(t.Context(), r, []chunk.ID{{1}}); !errors.Is(err, erase.ErrNothing) {
		t.Errorf("a message that no manifest has: %v", err)
	}
	if _, err := erase.PlanAccount(t.Context(), r, "nobody"); !errors.Is(err, erase.ErrNothing) {
		t.Errorf("an account without manifests: %v", err)
	}
	old := archivetest.Backup(t, r, a).Head
	hash := record(t, r, old, "INBOX", confidential).Hash
	a.Mailbox("INBOX").Expunge(confidential)
	archivetest.Backup(t, r, a)
	if err := r.MarkAll(t.Context(), []statement.Marked{{Manifest: old.Name}}); err != nil {
		t.Fatal(err)
	}
	if plan, report := eraseMessage(t, r, hash); plan.Manifests != 1 || report.Rewritten != 0 || report.Marked != 1 {
		t.Errorf("the plan %+v, the report %+v", plan, report)
	}
	prune(t, store, r)
	prune(t, store, r)
	mustBeGone(t, store, hash)
	archivetest.MustBeSound(t, r)
}

// A manifest that cannot be read may have the message. It is not written again, because that would
// make its loss final.
func TestDamageIsReported(t *testing.T) {
	store := &storetest.Memory{}
	r, a := archivetest.NewRepo(t, store), account()
	b := archivetest.Backup(t, r, a)
	const late = mail.UID(290) // its page is written again for the second night
	first, last := record(t, r, b.Head, "INBOX", confidential).Hash, record(t, r, b.Head, "INBOX", late).Hash
	before := store.Names()
	a.Mailbox("INBOX").Add(letter(9000))
	archivetest.Backup(t, r, a)
	for _, name := range before {
		if strings.HasPrefix(name, "catalog/") {
			damaged := bytes.Clone(store.Bytes(name))
			for i := range damaged {
				damaged[i] ^= 1
			}
			store.Replace(name, damaged)
		}
	}
	reopened, err := repo.Open(t.Context(), store, repo.Unlock{}, repo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer reopened.Close()
	if _, err := erase.PlanMessages(t.Context(), reopened, []chunk.ID{first}); !errors.Is(err, erase.ErrNothing) || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("a message in a damaged page: %v", err)
	}
	report, err := carry(t, reopened, last)
	if err != nil {
		t.Fatal(err)
	}
	if report.Unread == 0 || report.Damage == nil || report.Rewritten+len(report.Damaged) != 1 {
		t.Errorf("the report is %+v", report)
	}
	if n := len(heads(t, reopened)); n != 2 {
		t.Errorf("%d of 2 nights are left", n)
	}
}

// Under object lock, the plan has the time of the latest lock of any version that has the message.
func TestLockedUntil(t *testing.T) {
	const days = 30
	lock := &objectlock.Lock{Days: days, ByDefault: true}
	store := storetest.NewLocked(lock.Term())
	r, err := repo.Init(t.Context(), store, repo.InitOptions{NoSeal: true, Lock: lock})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	a := account()
	b := archivetest.Backup(t, r, a)
	hash := record(t, r, b.Head, "INBOX", confidential).Hash
	store.Advance(3 * 24 * time.Hour)
	a.Mailbox("INBOX").Add(letter(9500))
	archivetest.Backup(t, r, a) // a second manifest, which is locked for longer
	plan, err := erase.PlanMessages(t.Context(), r, []chunk.ID{hash})
	if err != nil {
		t.Fatal(err)
	}
	now, err := r.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if until := now.Add(lock.Term()); plan.Locked.Sub(until).Abs() > time.Hour {
		t.Errorf("locked until %s, want %s", plan.Locked, until)
	}
}

// An erasure deletes the recovery log of a killed run on this host, and counts those of runs under
// way.
func TestErasureDeletesRecoveryLogs(t *testing.T) {
	cache := t.TempDir()
	store := &storetest.Memory{}
	made, err := repo.Init(t.Context(), store, repo.InitOptions{NoSeal: true, Options: repo.Options{CacheDir: cache}})
	if err != nil {
		t.Fatal(err)
	}
	a := account()
	b := archivetest.Backup(t, made, a)
	hash := record(t, made, b.Head, "INBOX", confidential).Hash
	spilled := func() (n int) {
		_ = filepath.WalkDir(cache, func(path string, d os.DirEntry, err error) error {
			if data, failed := os.ReadFile(path); err == nil && failed == nil && bytes.Contains(data, []byte(word)) {
				n++
			}
			return nil
		})
		return n
	}
	write := func(account string) *recovery.Log {
		spill, err := made.RecoveryLog(account, 0)
		if err != nil {
			t.Fatal(err)
		}
		entry := spill.Begin([]byte("key"))
		if _, err := entry.Write([]byte("Subject: " + word)); err != nil {
			t.Fatal(err)
		}
		entry.End()
		return spill
	}
	write("account-0").Close() // its run was killed
	under := write("account-1")
	report, err := carry(t, made, hash)
	if err != nil {
		t.Fatal(err)
	}
	if report.Spills == 0 {
		t.Error("the run under way is not counted")
	}
	under.Clear(true)
	under.Close()
	if n := spilled(); n > 0 {
		t.Errorf("%d files in the cache have it", n)
	}
}
