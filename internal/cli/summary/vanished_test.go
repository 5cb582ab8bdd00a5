package summary_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/objectlock"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// Of a manifest that somebody replaced, Hidden names a command that works: repair hidden refuses a
// bucket that keeps versions without Object Lock.
func TestHiddenNamesWhatWorks(t *testing.T) {
	for name, lock := range map[string]*objectlock.Lock{
		"under lock": {Days: 10, ByDefault: true}, "versions alone": nil,
	} {
		t.Run(name, func(t *testing.T) {
			term := time.Duration(0)
			if lock != nil {
				term = lock.Term()
			}
			store := storetest.NewLocked(term)
			r, err := repo.Init(t.Context(), store, repo.InitOptions{NoSeal: true, Lock: lock})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			account := archivetest.NewAccount()
			account.Mailbox("INBOX").Add("Subject: one\r\n\r\nmail\r\n")
			head := archivetest.Backup(t, r, account).Head
			if text := summary.Hidden(r); text != "" {
				t.Errorf("nothing is hidden: %s", text)
			}
			store.Overwrite(head.Name, []byte("not a manifest"), time.Time{})

			r, err = repo.Open(t.Context(), store, repo.Unlock{}, repo.Options{CacheDir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			for _, err := range archive.Manifests(t.Context(), r) {
				if err != nil {
					t.Fatal(err)
				}
			}
			text := summary.Hidden(r)
			if !strings.Contains(text, "1 manifest") || strings.Contains(text, "repair hidden") != (lock != nil) {
				t.Errorf("got %q", text)
			}
		})
	}
}
