package items_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
	"github.com/mailstrata/mailstrata/restore/items"
)

// spellings are how servers encode the names of items in paths.
var spellings = map[string]func(string) string{
	"as Radicale": func(name string) string {
		return strings.NewReplacer("@", "%40", "+", "%2B").Replace(url.PathEscape(name))
	},
	"as Cyrus": url.PathEscape,
	"all":      func(name string) string { return strings.ReplaceAll(url.QueryEscape(name), "+", "%20") },
	"lower case": func(name string) string {
		return strings.ToLower(strings.ReplaceAll(url.QueryEscape(name), "+", "%20"))
	},
}

// TestOtherSpellings restores from a server that encodes the names of items in one way to one that
// does so in another. A second restore adds nothing, and an exact one removes only what is surplus.
func TestOtherSpellings(t *testing.T) {
	names := []string{"1@example.com.ics", "a+b.ics", "ü (1)!.ics", "x:y.ics"}
	for name, spell := range spellings {
		for other, otherwise := range spellings {
			from := &archivetest.Respelled{ItemServer: archivetest.NewItemServer(), Spell: spell}
			to := &archivetest.Respelled{ItemServer: archivetest.NewItemServer(), Spell: otherwise}
			for _, name := range names {
				from.Collection("/cal/").Put(name, "BEGIN:VCALENDAR\r\nX:"+name)
			}
			a := archivetest.NewAccount()
			a.Mailbox("INBOX").Add("Subject: x\r\n\r\nx")
			a.Items = []collection.Source{from}
			r := archivetest.NewRepo(t, &storetest.Memory{})
			contents, err := archive.OpenManifest(t.Context(), r, archivetest.Backup(t, r, a).Head)
			if err != nil {
				t.Fatal(err)
			}
			o := items.Options{Contents: contents}
			if report, err := items.ToServer(t.Context(), to, o); err != nil || report != (items.Report{Added: 4, Collections: 1}) {
				t.Errorf("%s to %s: %+v, %v", name, other, report, err)
			}
			if report, err := items.ToServer(t.Context(), to, o); err != nil || report != (items.Report{Present: 4}) {
				t.Errorf("%s to %s again: %+v, %v", name, other, report, err)
			}
			to.Collection("/cal/").Put("own@x.ics", "BEGIN:VCALENDAR\r\n")
			o.Mirror = new(items.Mirror)
			if report, err := items.ToServer(t.Context(), to, o); err != nil || report != (items.Report{Present: 4, Removed: 1}) {
				t.Errorf("%s to %s exactly: %+v, %v", name, other, report, err)
			}
		}
	}
}
