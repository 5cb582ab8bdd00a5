package backup_test

import (
	"errors"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/objectlock"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// If locks are due that the run may not renew, the run archives, and reports it twice: in the
// manifest and in the result.
func TestLocksThatCannotBeRenewedAreReported(t *testing.T) {
	lock := &objectlock.Lock{Days: 10, ByDefault: true}
	bucket := storetest.NewLocked(lock.Term())
	made, err := repo.Init(t.Context(), bucket, repo.InitOptions{NoSeal: true, Lock: lock})
	if err != nil {
		t.Fatal(err)
	}
	made.Close()
	a := archivetest.NewAccount()
	a.Mailbox("INBOX").Add("Subject: one\r\n\r\nmail\r\n")
	night := func(denied storetest.Rights) *backup.Result {
		t.Helper()
		r, err := repo.Open(t.Context(), bucket.As(denied), repo.Unlock{}, repo.Options{CacheDir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		return archivetest.Backup(t, r, a)
	}
	nightly := storetest.Rights{Retain: true, Delete: true}
	if b := night(nightly); b.Locks != nil || len(b.Manifest.Warnings) > 0 {
		t.Errorf("the first night: %v, %q", b.Locks, b.Manifest.Warnings)
	}
	bucket.Advance(6 * 24 * time.Hour)
	if b := night(nightly); !errors.Is(b.Locks, store.ErrPermission) || len(b.Manifest.Warnings) != 1 {
		t.Errorf("locks are due: %v, %q", b.Locks, b.Manifest.Warnings)
	}
	if b := night(storetest.Rights{}); b.Locks != nil || len(b.Manifest.Warnings) > 0 {
		t.Errorf("who may renew: %v, %q", b.Locks, b.Manifest.Warnings)
	}
	if b := night(nightly); b.Locks != nil || len(b.Manifest.Warnings) > 0 {
		t.Errorf("after that: %v, %q", b.Locks, b.Manifest.Warnings)
	}
}
