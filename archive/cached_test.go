package archive_test

import (
	"testing"
	"testing/synctest"

	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// A host that has searched all nights asks the store for what is new only: for the config and
// listings, and after another night for its objects.
func TestSecondSearchReadsWhatIsNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const nights = 8
		memory := archivedNights(t, nights)
		dir := t.TempDir()
		searchAll := func() storetest.Requests {
			far := storetest.NewFar(memory)
			r, err := repo.Open(t.Context(), far, repo.Unlock{}, repo.Options{CacheDir: dir, CacheSize: 1 << 30})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			mustFind(t, search.FindAll(t.Context(), r, "", search.Query{Subject: "number"}, nil))
			return far.Requests()
		}
		first, second := searchAll(), searchAll()
		const opening = 2 // the config, and the slot that opens it
		if first.Get < 3*nights || second.Get > opening {
			t.Errorf("the first search makes %d Gets, and the second %d, want %d at most", first.Get, second.Get, opening)
		}
		r := archivetest.Reopen(t, memory)
		a := archivetest.NewAccount()
		a.Mailbox("INBOX").Add("Subject: new\r\n\r\nbody\r\n")
		archivetest.Backup(t, r, a)
		if third := searchAll(); third.Get > opening+4 {
			t.Errorf("after a night a search makes %d Gets, want the config, a manifest, a segment and two packs", third.Get)
		}
	})
}
