package backup_test

import (
	"maps"
	"net/url"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// TestItemsSpelledOtherwise changes how a server encodes the names of items. Nothing is archived
// twice, nothing is read again, and what is removed is gone.
func TestItemsSpelledOtherwise(t *testing.T) {
	for _, since := range []bool{false, true} {
		a := archivetest.NewAccount()
		a.Mailbox("INBOX").Add("Subject: x\r\n\r\nx")
		s := &archivetest.Respelled{ItemServer: archivetest.NewItemServer(), Spell: url.QueryEscape}
		s.Since = since
		a.Items = []collection.Source{s}
		calendar := s.Collection("/cal/")
		for _, name := range []string{"1@x.ics", "2@x.ics", "3@x.ics", "4@x.ics"} {
			calendar.Put(name, "BEGIN:VCALENDAR\r\n"+name)
		}
		r := archivetest.NewRepo(t, &storetest.Memory{})
		archivetest.Backup(t, r, a)

		s.Spell = url.PathEscape
		calendar.Put("2@x.ics", "BEGIN:VCALENDAR\r\nchanged")
		calendar.Put("3@x.ics", "")
		calendar.Put("5@x.ics", "BEGIN:VCALENDAR\r\nnew")
		reads := s.Reads
		b := archivetest.Backup(t, r, a)
		want := make(map[string]string)
		for path, content := range s.State() {
			want["/cal/"+url.QueryEscape(strings.TrimPrefix(path, "/cal/"))] = content
		}
		want["/cal/5@x.ics"] = want["/cal/5%40x.ics"] // it is new, and has the new name
		delete(want, "/cal/5%40x.ics")
		if got := archivetest.ArchivedItems(t, r, b.Head); !maps.Equal(got, want) {
			t.Errorf("since %t: %q, want %q", since, got, want)
		}
		if n := s.Reads - reads; n != 2 || len(b.Manifest.Failures) > 0 {
			t.Errorf("since %t: %d items were read, failures %v", since, n, b.Manifest.Failures)
		}
	}
}
