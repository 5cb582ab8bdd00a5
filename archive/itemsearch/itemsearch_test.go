package itemsearch_test

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/itemsearch"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

func event(start, name string) string {
	return "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:" + start + "\r\nSUMMARY:" + name + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
}

// nights archives five nights of a calendar, an address book and scripts: an event is changed on
// the third and removed on the fourth.
func nights(t *testing.T) (*repo.Repo, []*backup.Result) {
	calendar, book, scripts := archivetest.NewItemServer(), archivetest.NewItemServer(), archivetest.NewItemServer()
	book.Of, scripts.Of = collection.AddressBooks, collection.Sieve
	office := calendar.Collection("/office/")
	for i := range 100 {
		office.Put(fmt.Sprintf("e%d.ics", i), event("20260101", fmt.Sprint("Nothing ", i)))
	}
	office.Put("board%20one.ics", event("20260309T100000Z", "Board meeting Über"))
	book.Collection("/friends/").Put("jo.vcf", "BEGIN:VCARD\r\nFN:Jo Müller\r\nEND:VCARD\r\n")
	scripts.Collection("").Put("vacation", "keep;")
	a := archivetest.NewAccount()
	a.Mailbox("INBOX").Add("Subject: x\r\n\r\nx")
	a.Items = []collection.Source{calendar, book, scripts}
	store := &storetest.Memory{}
	r := archivetest.NewRepo(t, store)
	var all []*backup.Result
	for night := range 5 {
		switch night {
		case 2:
			office.Put("board%20one.ics", event("20260310T100000Z", "Board meeting moved"))
		case 3:
			office.Put("board%20one.ics", "")
		}
		all = append(all, archivetest.Backup(t, r, a))
		store.Advance(24 * time.Hour)
	}
	return r, all
}

// names returns what was found, with the numbers of its nights.
func names(t *testing.T, all []*backup.Result, found iter.Seq2[*itemsearch.Hit, error]) []string {
	t.Helper()
	number := func(head repo.Head) int {
		return slices.IndexFunc(all, func(b *backup.Result) bool { return b.Head.ID == head.ID })
	}
	var list []string
	for hit, err := range found {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, fmt.Sprintf("%s %s %d-%d", hit.Item.Name, hit.Summary.Name, number(hit.First), number(hit.Last)))
	}
	slices.Sort(list)
	return list
}

// Items are found by their words, whatever case and accents, and by their days, in one night or in
// all.
func TestFind(t *testing.T) {
	r, all := nights(t)
	march := func(day int) time.Time { return time.Date(2026, 3, day, 0, 0, 0, 0, time.UTC) }
	for _, test := range []struct {
		query itemsearch.Query
		night int // of one; -1: all
		want  []string
	}{
		{itemsearch.Query{Words: []string{"BOARD", "uber"}}, 1, []string{"board%20one.ics Board meeting Über 1-1"}},
		{itemsearch.Query{Words: []string{"board"}}, 4, nil},
		{itemsearch.Query{Words: []string{"board one"}}, 0, []string{"board%20one.ics Board meeting Über 0-0"}},
		{itemsearch.Query{Words: []string{"board"}}, -1, []string{"board%20one.ics Board meeting moved 2-2", "board%20one.ics Board meeting Über 0-1"}},
		{itemsearch.Query{Words: []string{"muller"}}, -1, []string{"jo.vcf Jo Müller 0-4"}},
		{itemsearch.Query{Words: []string{"vacation"}}, -1, []string{"vacation  0-4"}},
		{itemsearch.Query{Since: march(1), Before: march(10)}, -1, []string{"board%20one.ics Board meeting Über 0-1"}},
		{itemsearch.Query{Words: []string{"moved"}, Since: march(11)}, -1, nil},
	} {
		found := itemsearch.FindAll(t.Context(), r, "", test.query)
		if test.night >= 0 {
			contents, err := archive.OpenManifest(t.Context(), r, all[test.night].Head)
			if err != nil {
				t.Fatal(err)
			}
			found = itemsearch.Find(t.Context(), contents, test.query)
		}
		if got := names(t, all, found); !slices.Equal(got, test.want) {
			t.Errorf("%+v in night %d: %q, want %q", test.query, test.night, got, test.want)
		}
	}
	if got := names(t, all, itemsearch.FindAll(t.Context(), r, "another", itemsearch.Query{})); len(got) > 0 {
		t.Errorf("in another account: %q", got)
	}
}

// TestFindAllIsFindInEach compares a search in all manifests with one in each, while items come, go
// and come back.
func TestFindAllIsFindInEach(t *testing.T) {
	calendar := archivetest.NewItemServer()
	a := archivetest.NewAccount()
	a.Mailbox("INBOX").Add("Subject: x\r\n\r\nx")
	a.Items = []collection.Source{calendar}
	store := &storetest.Memory{}
	r := archivetest.NewRepo(t, store)
	q := itemsearch.Query{Words: []string{"meeting"}}
	want := make(map[string]bool)
	for night := range 8 {
		for i := range 60 {
			content := event("20260101", fmt.Sprintf("%s %d", []string{"Meeting", "Other"}[i%2], (night*i)%3))
			if (night+i)%5 == 0 {
				content = ""
			}
			calendar.Collection("/office/").Put(fmt.Sprint(i), content)
		}
		b := archivetest.Backup(t, r, a)
		contents, err := archive.OpenManifest(t.Context(), r, b.Head)
		if err != nil {
			t.Fatal(err)
		}
		for hit, err := range itemsearch.Find(t.Context(), contents, q) {
			if err != nil || !strings.HasPrefix(hit.Summary.Name, "Meeting") {
				t.Fatalf("%+v, %v", hit, err)
			}
			want[hit.Item.Name+" "+hit.Summary.Name] = true
		}
		store.Advance(time.Hour)
	}
	got := make(map[string]bool)
	for hit, err := range itemsearch.FindAll(t.Context(), r, "", q) {
		key := hit.Item.Name + " " + hit.Summary.Name
		if err != nil || got[key] {
			t.Errorf("%s: %v", key, err)
		}
		got[key] = true
	}
	if !maps.Equal(got, want) {
		t.Errorf("%d items in all manifests, %d in each", len(got), len(want))
	}
}
