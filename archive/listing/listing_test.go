package listing_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/mailstrata/mailstrata/archive/listing"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// messages makes a mailbox of some messages, with gaps between the UIDs.
func messages(t *testing.T, s *archivetest.MemReader, n int) (manifest.Mailbox, []manifest.Entry) {
	t.Helper()
	sample := s.Record(t, archivetest.PlainMessages(1, 1)[0])
	entries := make([]manifest.Entry, n)
	for i := range entries {
		entries[i] = sample
		entries[i].UID, entries[i].Hash = mail.UID(i*3+i/7+1), s.Key.Sum(fmt.Append(nil, i))
	}
	return s.Pages(t, "many", entries), entries
}

// Every range has the messages that it should, whatever was asked for before.
func TestEveryRange(t *testing.T) {
	for _, size := range []int{0, 1, 15, 16, 17, 63, 64, 65, 400} {
		s := archivetest.NewMemReader(t)
		mailbox, want := messages(t, s, size)
		slices.Reverse(want)
		c := s.Contents(t, mailbox)
		shared := listing.Open(c, &mailbox)
		if shared.Len() != size {
			t.Fatalf("%d messages, want %d", shared.Len(), size)
		}
		for from := 0; from <= size; from += 1 + size/40 {
			for _, n := range []int{1, 2, 23, size} {
				for _, l := range []*listing.Listing{shared, listing.Open(c, &mailbox)} {
					got, err := l.At(t.Context(), from, n)
					if err != nil {
						t.Fatal(err)
					}
					should := want[from:min(from+n, size)]
					same := slices.EqualFunc(got, should, func(a, b manifest.Entry) bool { return a.UID == b.UID && a.Hash == b.Hash })
					if !same {
						t.Fatalf("of %d from %d, %d: %d messages, want %d", size, from, n, len(got), len(should))
					}
				}
			}
		}
	}
}

// The ends of a large mailbox cost a few lists and pages.
func TestEndsAreNear(t *testing.T) {
	const size = 100_000
	s := archivetest.NewMemReader(t)
	mailbox, _ := messages(t, s, size)
	c := s.Contents(t, mailbox)
	for _, from := range []int{0, size - 40} {
		s.Reads = 0
		got, err := listing.Open(c, &mailbox).At(t.Context(), from, 40)
		if err != nil || len(got) != 40 {
			t.Fatal(len(got), err)
		}
		if s.Reads > 28+16+2*4 { // groups, lists that are read at once, and the records and flags of pages
			t.Errorf("from %d: %d chunks were read", from, s.Reads)
		}
	}
}

// A list or a list group that cannot be read is an error, and the others can still be read.
func TestDamagedList(t *testing.T) {
	for _, what := range []string{"list", "list group"} {
		s := archivetest.NewMemReader(t)
		mailbox, _ := messages(t, s, 20_000)
		c := s.Contents(t, mailbox)
		lists, err := mailbox.AllLists(c.Load(t.Context()))
		if err != nil || len(mailbox.Groups) < 2 {
			t.Fatalf("%d groups, %v", len(mailbox.Groups), err)
		}
		l := listing.Open(c, &mailbox)
		s.Lose(map[string]chunk.ID{"list": lists[0], "list group": mailbox.Groups[0]}[what])
		if got, err := l.At(t.Context(), 0, 30); err != nil || len(got) != 30 {
			t.Errorf("%s: %d, %v", what, len(got), err)
		}
		if _, err := l.At(t.Context(), 19_990, 10); err == nil {
			t.Errorf("the damaged %s has messages", what)
		}
	}
}

// Messages of a page that cannot be read have their rows, and nothing else.
func TestDamagedPage(t *testing.T) {
	s := archivetest.NewMemReader(t)
	mailbox, want := messages(t, s, 200)
	slices.Reverse(want)
	c := s.Contents(t, mailbox)
	for _, page := range s.PagesOf(t, &mailbox)[:2] {
		s.Lose(page.Records)
	}
	got, err := listing.Open(c, &mailbox).At(t.Context(), 0, 200)
	if err != nil || len(got) != 200 {
		t.Fatal(len(got), err)
	}
	unread := 0
	for i := range got {
		if got[i].UID == 0 {
			unread++
		} else if got[i].UID != want[i].UID {
			t.Errorf("row %d has UID %d, want %d", i, got[i].UID, want[i].UID)
		}
	}
	if unread == 0 || unread > 32 {
		t.Errorf("%d messages are not read", unread)
	}
}
