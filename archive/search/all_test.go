package search_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// Over many nights of an account that changes, FindAll yields every message that matches once, with
// the first and the last manifest in which a naive scan of every message of every manifest finds
// it.
func TestFindAllMatchesNaiveScan(t *testing.T) {
	r := archivetest.NewRepo(t, &storetest.Memory{})
	a, random := archivetest.NewAccount(), rand.New(rand.NewPCG(3, 3))
	boxes := []string{"INBOX", "Archive", "Work"}
	for night := range 25 {
		for range 40 {
			box := a.Mailbox(boxes[random.IntN(3)])
			switch n := len(box.Messages); {
			case random.IntN(3) > 0 || n == 0:
				box.Add(fmt.Sprintf("Subject: word %d\r\nTo: x\r\n\r\n%d\r\n", random.IntN(9), random.IntN(300)))
			case random.IntN(2) == 0:
				box.Expunge(box.Messages[random.IntN(n)].UID)
			default:
				box.SetFlags(box.Messages[random.IntN(n)].UID, []string{`\Seen`, `\Flagged`}[random.IntN(2)])
			}
		}
		if night%9 == 8 {
			delete(a.Mailboxes, "Work")
		}
		archivetest.Backup(t, r, a)
	}
	gaps := 0
	for _, q := range []search.Query{
		{Subject: "WORD 3"},
		{Subject: "word 3", Flags: []string{`\flagged`}},
		{Flags: []string{`\Seen`}},
		{Larger: 40},
		{Subject: "nothing"},
	} {
		for _, only := range []string{"", "Archive"} {
			wants := func(m *manifest.Mailbox) bool { return only == "" || m.Name == only }
			want := map[chunk.ID][2]string{} // the first and the last manifest
			absent, lacked, nights := map[chunk.ID]int{}, map[chunk.ID]int{}, 0
			for s, err := range archive.Manifests(t.Context(), r) {
				if err != nil {
					t.Fatal(err)
				}
				c, err := archive.OpenManifest(t.Context(), r, s.Head)
				if err != nil {
					t.Fatal(err)
				}
				nights++
				for found, err := range search.Find(t.Context(), c, q, wants) {
					if err != nil {
						t.Fatal(err)
					}
					seen, ok := want[found.Entry.Hash]
					if now := lacked[found.Entry.Hash]; ok && now < nights-1 {
						absent[found.Entry.Hash] += nights - 1 - now
					}
					lacked[found.Entry.Hash] = nights
					if !ok {
						seen[1] = s.Head.Name // the newest comes first
					}
					seen[0] = s.Head.Name
					want[found.Entry.Hash] = seen
				}
			}
			got := map[chunk.ID][2]string{}
			for s, err := range search.FindAll(t.Context(), r, "account-0", q, wants) {
				if err != nil {
					t.Fatal(err)
				}
				if _, twice := got[s.Entry.Hash]; twice {
					t.Errorf("%s is yielded twice", s.Entry.Hash)
				}
				got[s.Entry.Hash] = [2]string{s.First.Name, s.Last.Name}
				if s.Absent != absent[s.Entry.Hash] {
					t.Errorf("%+v in %q: %s is absent from %d manifests, want %d", q, only, s.Entry.Hash, s.Absent, absent[s.Entry.Hash])
				}
				gaps += s.Absent
				if s.Contents.Head.Name != s.Last.Name || !wants(s.Mailbox) {
					t.Errorf("yielded from %s, %s, but last in %s", s.Contents.Head.Name, s.Mailbox.Name, s.Last.Name)
				}
				entry, err := s.Contents.Entry(t.Context(), s.Mailbox, s.Entry.UID)
				if err != nil || entry.Hash != s.Entry.Hash {
					t.Errorf("UID %d of %s is another message: %v", s.Entry.UID, s.Mailbox.Name, err)
				}
			}
			if !maps.Equal(got, want) {
				t.Errorf("%+v in %q: %d found, want %d", q, only, len(got), len(want))
			}
		}
	}
	if gaps == 0 {
		t.Error("no message was gone and came back")
	}
	n := 0
	for range search.FindAll(t.Context(), r, "another", search.Query{}, nil) {
		n++
	}
	for range search.FindAll(t.Context(), r, "", search.Query{}, nil) {
		if n++; n == 3 {
			break // a caller may stop
		}
	}
	if n != 3 {
		t.Errorf("%d messages", n)
	}
}

// Latest returns the newest manifest of each account.
func TestLatest(t *testing.T) {
	r := archivetest.NewRepo(t, &storetest.Memory{})
	a, b := archivetest.NewAccount(), archivetest.NewAccount()
	a.Mailbox("INBOX").Add("Subject: a\r\n\r\n")
	archivetest.TryBackup(t.Context(), r, a, b)
	a.Mailbox("INBOX").Add("Subject: a 2\r\n\r\n")
	b.Mailbox("INBOX").Add("Subject: b\r\n\r\n")
	archivetest.TryBackup(t.Context(), r, a, b)
	latest, err := archive.Latest(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	var held []string
	for _, c := range latest {
		held = append(held, fmt.Sprint(c.Manifest.Account, " ", c.Manifest.Totals.Messages))
	}
	slices.Sort(held)
	if want := []string{"account-0 2", "account-1 1"}; !slices.Equal(held, want) {
		t.Errorf("%q, want %q", held, want)
	}
}
