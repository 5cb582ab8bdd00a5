package backup_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// Accounts of one group ask the store at once: three requests each, a few for the group, and a
// chain that does not grow with the number of accounts as theirs alone would.
func TestAccountsAskAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const accounts = 48
		far := storetest.NewFar(&storetest.Memory{})
		options := repo.Options{CacheDir: t.TempDir(), StateDir: t.TempDir(), Location: "memory"}
		archivetest.NewRepo(t, far)
		var list []*archivetest.Account
		for i := range accounts {
			a := archivetest.NewAccount()
			a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: of %d\r\n\r\n", i))
			list = append(list, a)
		}
		night := func() (storetest.Requests, int) {
			t.Helper()
			r, err := repo.Open(t.Context(), far, repo.Unlock{}, options)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			far.Reset()
			if b := archivetest.TryBackup(t.Context(), r, list...); b.Err != nil {
				t.Fatal(b.Err)
			}
			return far.Requests(), far.RoundTrips()
		}
		night()
		for n := range 3 {
			time.Sleep(24 * time.Hour)
			asked, trips := night()
			if asked.Put != accounts || asked.Get > 2 || asked.List > 2*accounts+4 || asked.All() > 3*accounts+8 {
				t.Errorf("night %d: %+v", n, asked)
			}
			if most := 4 + 3*accounts/16; trips > most {
				t.Errorf("night %d: %d round trips, want %d at most", n, trips, most)
			}
		}
		for i := range 10 {
			list[i].Mailbox("INBOX").Add(fmt.Sprintf("Subject: new of %d\r\n\r\n", i))
		}
		time.Sleep(24 * time.Hour)
		before := len(far.Store.(*storetest.Memory).Names())
		asked, trips := night()
		if put := len(far.Store.(*storetest.Memory).Names()) - before; put != accounts+3 {
			t.Errorf("ten accounts with news put %d objects beside the manifests", put-accounts)
		}
		if asked.All() > 3*accounts+16 || trips > 18 {
			t.Errorf("with news: %+v, %d round trips", asked, trips)
		}
	})
	if backup.AccountsAtOnce < 48 {
		t.Error("these accounts are not one group")
	}
}
