package search_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// Newest yields what Find and FindAll yield, sorted by date, whatever the mailboxes and the nights
// are, and with a limit the first of these.
func TestNewest(t *testing.T) {
	r := archivetest.NewRepo(t, &storetest.Memory{})
	a, random := archivetest.NewAccount(), rand.New(rand.NewPCG(5, 5))
	boxes := []string{"INBOX", "Archive", "Work"}
	for range 4 {
		for range 500 {
			box := a.Mailbox(boxes[random.IntN(3)])
			m := box.Add(fmt.Sprintf("Subject: word %d\r\n\r\n", random.Uint64()))
			m.Date = time.Unix(1e9+random.Int64N(1e6), 0).UTC().Format("_2-Jan-2006 15:04:05 -0700")
			if random.IntN(50) == 0 {
				m.Date = "31-Foo-2050 99:00:00"
			}
			switch n := len(box.Messages); random.IntN(6) {
			case 0:
				box.Expunge(box.Messages[random.IntN(n)].UID)
			case 1:
				box.CopyTo(a.Mailbox(boxes[random.IntN(3)]), box.Messages[random.IntN(n)].UID)
			}
		}
		archivetest.Backup(t, r, a)
	}
	latest, err := archive.Latest(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	one := func(yield func(*search.Hit, error) bool) {
		for m, err := range search.Find(t.Context(), latest[0], search.Query{Subject: "word"}, nil) {
			if !yield(&search.Hit{Match: m, Contents: latest[0]}, err) {
				return
			}
		}
	}
	seconds := func(h *search.Hit) int64 {
		if !h.Entry.Internal.IsReadable() {
			return math.MinInt64
		}
		return h.Entry.Internal.Seconds
	}
	describe := func(h *search.Hit) string {
		return fmt.Sprint(h.Entry.Hash, h.Entry.UID, h.Mailbox.Name, h.First.Name, h.Last.Name, h.Absent, h.Contents.Head.Name)
	}
	for name, found := range map[string]func(func(*search.Hit, error) bool){
		"one": one, "all": search.FindAll(t.Context(), r, "", search.Query{Subject: "word"}, nil),
	} {
		var want []*search.Hit
		for h, err := range found {
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, h)
		}
		slices.SortStableFunc(want, func(a, b *search.Hit) int {
			return cmp.Or(cmp.Compare(seconds(b), seconds(a)), cmp.Compare(a.Entry.Hash.String(), b.Entry.Hash.String()))
		})
		for _, limit := range []int{0, 1, 30, 100_000} {
			at, messages := 0, make(map[string]bool)
			for h, err := range search.Newest(t.Context(), found, limit, true) {
				if err != nil {
					t.Fatal(err)
				}
				if at >= len(want) || describe(h) != describe(want[at]) {
					t.Fatalf("%s, limit %d: hit %d is %s, want another of %d", name, limit, at, describe(h), len(want))
				}
				at++
				messages[h.Entry.Hash.String()] = true
			}
			if at != len(want) && (len(messages) != limit || messages[want[at].Entry.Hash.String()]) {
				t.Errorf("%s, limit %d: %d hits of %d messages, of %d", name, limit, at, len(messages), len(want))
			}
		}
		merged, copies := 0, 0
		for h, err := range search.Merged(search.Newest(t.Context(), found, 0, false)) {
			if err != nil {
				t.Fatal(err)
			}
			merged, copies = merged+1, copies+len(h.Also)
			for _, also := range h.Also {
				if also.Entry.Hash != h.Entry.Hash {
					t.Errorf("%s is no copy of %s", also.Entry.Hash, h.Entry.Hash)
				}
			}
		}
		hashes := make(map[string]bool)
		for _, h := range want {
			hashes[h.Entry.Hash.String()] = true
		}
		if merged != len(hashes) || merged+copies != len(want) || (copies > 0) != (name == "one") {
			t.Errorf("%s: %d merged, %d copies; want %d of %d", name, merged, copies, len(hashes), len(want))
		}
		for range search.Newest(t.Context(), found, 0, false) {
			break // a caller may stop
		}
	}
}

// What cannot be read is reported once, and the rest is found.
func TestNewestReportsDamageOnce(t *testing.T) {
	errBroken := fmt.Errorf("broken: %w", archive.ErrNoMessage)
	n, damaged := 0, 0
	for _, err := range search.Newest(t.Context(), func(yield func(*search.Hit, error) bool) { yield(nil, errBroken) }, 0, true) {
		if n++; err != nil {
			damaged++
		}
	}
	if n != 1 || damaged != 1 {
		t.Errorf("%d yielded, %d errors", n, damaged)
	}
}
