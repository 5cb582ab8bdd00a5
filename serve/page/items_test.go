package page_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/internal/archivetest"
)

// accountWithItems has a calendar, an address book and scripts, with names that would like to be
// markup or paths.
func accountWithItems() (*archivetest.Account, *archivetest.ItemServer, *archivetest.ItemServer) {
	a, calendar, book, scripts := archivetest.NewAccount(), archivetest.NewItemServer(), archivetest.NewItemServer(), archivetest.NewItemServer()
	a.Mailbox("INBOX").Add(mixed)
	book.Of, scripts.Of = collection.AddressBooks, collection.Sieve
	office := calendar.Collection("/cal/<b>office</b>/")
	for i := range 250 {
		office.Put(fmt.Sprintf("%03d.ics", i), fmt.Sprintf("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20260309T1012%02dZ\r\nSUMMARY:Meeting %d\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", i%60, i))
	}
	office.Put("..%2F..%2Fevil%22.ics", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:<i>x</i>\r\nSUMMARY:<script>alert(1)</script>\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
	book.Collection("/book/").Put("jo.vcf", "BEGIN:VCARD\r\nFN:Jo Müller\r\nEND:VCARD\r\n")
	scripts.Collection("").Put("</title>vacation", "keep;")
	a.Items = []collection.Source{calendar, book, scripts}
	return a, calendar, scripts
}

// TestItems walks to every calendar, address book and script, and downloads each as it was.
func TestItems(t *testing.T) {
	a, calendar, scripts := accountWithItems()
	b := open(t, archived(t, a, func() {}, func() {}))
	night := b.get(address("night", "a", account))
	for _, want := range []string{"calendar</span>", "address book</span>", "scripts</span>", "name of /cal/&lt;b&gt;office&lt;/b&gt;/"} {
		if !strings.Contains(night, want) {
			t.Errorf("the night has no %q", want)
		}
	}
	var downloads []string
	seen := map[string]bool{}
	queue := slices.DeleteFunc(links(night), func(l string) bool { return !strings.HasPrefix(l, "items?") })
	if len(queue) != 3 {
		t.Errorf("the night has the collections %q", queue)
	}
	for len(queue) > 0 {
		at := queue[0]
		if queue = queue[1:]; seen[at] {
			continue
		}
		seen[at] = true
		text := b.get(at)
		if strings.Contains(text, "<script") || strings.Contains(text, "<b>") || strings.Contains(text, "<i>") {
			t.Errorf("%s has markup of a name", at)
		}
		for _, l := range links(text) {
			switch {
			case strings.HasPrefix(l, "items?"):
				queue = append(queue, l)
			case strings.HasPrefix(l, "item?") && !slices.Contains(downloads, l):
				downloads = append(downloads, l)
			}
		}
	}
	want := calendar.State()
	contents := map[string]bool{"BEGIN:VCARD\r\nFN:Jo Müller\r\nEND:VCARD\r\n": true}
	for _, state := range []map[string]string{want, scripts.State()} {
		for _, content := range state {
			contents[content] = true
		}
	}
	if len(downloads) != len(contents) {
		t.Errorf("%d downloads, want %d", len(downloads), len(contents))
	}
	for _, l := range downloads {
		answer := b.ask(b.server.Prefix() + l)
		text, err := io.ReadAll(answer.Body)
		disposition := answer.Header.Get("Content-Disposition")
		if err != nil || !contents[string(text)] || !strings.HasPrefix(disposition, "attachment") || answer.Header.Get("Content-Type") != "application/octet-stream" {
			t.Errorf("%s: %v, %q", l, err, answer.Header)
		}
		if strings.Contains(disposition, "..") || strings.Contains(disposition, "/") {
			t.Errorf("the name of a file: %s", disposition)
		}
		delete(contents, string(text))
	}
	books := b.get(address("items", "a", account, "k", "addressbook", "c", "/book/"))
	if !strings.Contains(books, "Jo Müller") || !strings.Contains(books, "items ") {
		t.Error("the address book has no names, or no command")
	}
	if events := b.get(address("items", "a", account, "k", "calendar", "c", "/cal/<b>office</b>/", "p", "2")); !strings.Contains(events, "2026-03-09 10:12") {
		t.Error("events have no date")
	}
	for _, wrong := range []string{address("items", "a", account, "k", "calendar", "c", "/none/"), address("item", "a", account, "k", "addressbook", "c", "/book/", "f", "x")} {
		if answer := b.ask(b.server.Prefix() + wrong); answer.StatusCode != 404 {
			t.Errorf("%s: status %d", wrong, answer.StatusCode)
		}
	}
}
