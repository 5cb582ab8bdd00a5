package page_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
	"github.com/mailstrata/mailstrata/serve/view"
)

// The first page says when mail of each repository was last read, and shows alarms until they are
// acknowledged.
func TestChecksAndAlarms(t *testing.T) {
	stores := []*storetest.Memory{new(storetest.Memory), new(storetest.Memory)}
	var archives view.Archives
	for i, store := range stores {
		a := archivetest.NewAccount()
		for n := range 100 {
			a.Mailbox("INBOX").Add("Subject: " + strings.Repeat("x", n) + "\r\n\r\n")
		}
		r := archivetest.NewRepo(t, store)
		archivetest.Backup(t, r, a)
		if i == 0 {
			store.Advance(24 * time.Hour)
			for n := range 99 {
				a.Mailbox("INBOX").Expunge(mail.UID(n) + 1)
			}
			archivetest.Backup(t, r, a)
		}
		archives = append(archives, view.NewArchive(archivetest.Reopen(t, store)))
	}
	archives[0].Place, archives[1].Place = "here", "s3:https://s3.example/it's mail"
	b := open(t, archives)
	text := b.get("./")
	must(t, text, "<h3 class=\"wrap\">here</h3>", "--repo &#39;s3:https://s3.example/it&#39;\\&#39;&#39;s mail&#39; check --read-data-within 30d", "99 of those before")
	if n := strings.Count(text, "No rolling check has read its mail yet."); n != 2 {
		t.Errorf("%d repositories were never checked", n)
	}

	first := archives[0].Repo()
	for n := 1; n <= 2; n++ {
		rolling, err := first.Rolling(t.Context(), repo.Share{N: n, Of: 2}, 30*24*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if err := first.Rolled(t.Context(), rolling); err != nil {
			t.Fatal(err)
		}
		stores[0].Advance(time.Hour)
	}
	states, _, err := archives.States(t.Context())
	if err != nil || len(states) != 1 {
		t.Fatalf("%d accounts, %v", len(states), err)
	}
	text = b.get(address("account", "a", account))
	must(t, text, "shrank")
	mustNot(t, text, "acknowledged")
	if err := first.Tag(t.Context(), states[0].Newest.Head, []string{"acknowledged"}, nil); err != nil {
		t.Fatal(err)
	}
	text = b.get(address("account", "a", account))
	must(t, text, "shrank (acknowledged)")
	text = b.get(address("night", "a", account, "n", b.nightIDs()[0]))
	must(t, text, "Alarms (acknowledged)", "99 of those before")
	text = b.get("./")
	must(t, text, "A rolling check last read mail", "in share 1/2, which has waited for longest.")
	mustNot(t, text, "99 of those before", "shrank")
	if n := strings.Count(text, "No rolling check has read its mail yet."); n != 1 {
		t.Errorf("%d repositories were never checked", n)
	}
}
