package textindex_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/archive/textindex"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// describe names a hit with all that is known of it.
func describe(t *testing.T, found func(func(*search.Hit, error) bool)) (all []string) {
	for hit, err := range found {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprint(hit.Entry.Hash, hit.Mailbox.Raw, hit.Entry.UID, hit.First.Name, hit.Last.Name, hit.Absent, hit.Entry.Flags))
	}
	slices.Sort(all)
	return all
}

// TestRestrict shows that a search for words and flags in all manifests finds the same whether it
// looks at all pages or at those that can have hits alone, of messages that move, change their
// flags and leave, and that it reads little for few messages.
func TestRestrict(t *testing.T) {
	r := archivetest.NewRepo(t, new(storetest.Memory))
	a := archivetest.NewAccount()
	inbox, work := a.Mailbox("INBOX"), a.Mailbox("Work")
	for i := range 3000 {
		inbox.Add(fmt.Sprintf("Subject: number %d\r\n\r\nbody%d of word%d\r\n", i, i, i%97))
	}
	for night := range 12 {
		for i := range 40 {
			inbox.SetFlags(inbox.Messages[(night*997+i*71)%len(inbox.Messages)].UID, `\Flagged`)
		}
		if night > 3 {
			inbox.MoveTo(work, inbox.Messages[night*150].UID)
			inbox.Expunge(inbox.Messages[night*3].UID)
		}
		archivetest.Backup(t, r, a)
	}
	x, _, err := textindex.Open(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	live, _, err := x.Bring(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, query := range []string{"of", "word7", "word5 OR word6", "body71", "body600 OR body2999", "nowhere"} {
		parsed, err := words.Parse(query)
		if err != nil {
			t.Fatal(err)
		}
		hashes, err := x.Hashes(t.Context(), parsed)
		if err != nil {
			t.Fatal(err)
		}
		for _, all := range []search.Query{{Flags: []string{`\Flagged`}}, {NotFlags: []string{`\Flagged`}}} {
			some := all
			var seen, looked int
			all.Only = func(hash chunk.ID) bool {
				seen++
				_, has := hashes[hash.Prefix()]
				return has
			}
			if err := x.Restrict(t.Context(), live, parsed, &some); err != nil {
				t.Fatal(err)
			}
			only := some.Only
			some.Only = func(hash chunk.ID) bool {
				looked++
				return only(hash)
			}
			want, got := describe(t, search.FindAll(t.Context(), r, "", all, nil)), describe(t, search.FindAll(t.Context(), r, "", some, nil))
			if !slices.Equal(want, got) {
				t.Errorf("%s: %d messages are found, want %d", query, len(got), len(want))
			}
			found += len(got)
			if few := len(hashes) <= 2; few && looked > seen/3 {
				t.Errorf("%s: for %d messages, %d records are read, and %d of all pages", query, len(hashes), looked, seen)
			}
		}
	}
	if found < 3000 {
		t.Errorf("%d messages are found in all", found)
	}
}
