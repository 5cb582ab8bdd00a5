package backup_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// accountWithRights has two mailboxes with access rights and annotations.
func accountWithRights() *archivetest.Account {
	a := archivetest.NewAccount()
	a.Capabilities = append(a.Capabilities, "ACL", "METADATA")
	a.Mailbox("INBOX").Add("Subject: first\r\n\r\n")
	a.Mailbox("Sent").Add("Subject: sent\r\n\r\n")
	a.Properties = &archivetest.Properties{Of: map[string]mail.Properties{
		"":      {Annotations: []mail.Annotation{{Name: "/shared/admin", Value: "x"}}},
		"INBOX": archivetest.Granted("jo", "lrswipkxtea", "mine"),
	}}
	return a
}

// names returns the mailboxes of properties, and what is granted.
func names(list []manifest.Properties) string {
	var words []string
	for _, p := range list {
		text := fmt.Sprintf("%q", p.Mailbox)
		for _, g := range p.Grants {
			text += " " + g.Identifier + ":" + g.Rights
		}
		words = append(words, text)
	}
	return strings.Join(words, ", ")
}

// A run asks for access rights and annotations when those of the parent are a week old, and
// otherwise for those of new mailboxes. What is the same is not stored again.
func TestPropertiesAreAskedForOnceAWeek(t *testing.T) {
	store := new(storetest.Memory)
	r, a := archivetest.NewRepo(t, store), accountWithRights()
	p := a.Properties
	night := func(what, asked, want string) {
		t.Helper()
		p.Asked = nil
		b := archivetest.Backup(t, r, a)
		if got := strings.Join(p.Asked, " "); got != asked {
			t.Errorf("%s: asked for %q, want %q", what, got, asked)
		}
		if got := names(archivetest.ArchivedProperties(t, archivetest.Reopen(t, store), b.Head)); got != want {
			t.Errorf("%s: has %s, want %s", what, got, want)
		}
		store.Advance(24 * time.Hour)
	}
	const first = `"", "INBOX" jo:lrswipkxtea`
	night("first", "INBOX Sent", first)
	p.Of["INBOX"] = archivetest.Granted("jo", "lr", "mine")
	p.Of["Sent"], p.Of["New"] = archivetest.Granted("bob", "l", "his"), archivetest.Granted("al", "l", "new")
	night("second", "", first)
	a.Mailbox("New").Add("Subject: new\r\n\r\n")
	night("a new mailbox", "New", first+`, "New" al:l`)
	delete(a.Mailboxes, "New")
	night("it is gone", "", first+`, "New" al:l`)
	p.Err = fmt.Errorf("not now")
	a.PropertiesNow = true
	night("an error", "INBOX Sent", first+`, "New" al:l`)
	p.Err = nil
	a.PropertiesNow = false
	night("no error", "", first+`, "New" al:l`)
	night("seventh", "", first+`, "New" al:l`)
	const second = `"", "INBOX" jo:lr, "Sent" bob:l`
	night("a week later", "INBOX Sent", second)
	before := len(store.Names())
	a.PropertiesNow = true
	night("the same", "INBOX Sent", second)
	if objects := len(store.Names()) - before; objects != 1 {
		t.Errorf("a night that finds the same rights stores %d objects", objects)
	}
	a.Capabilities = slices.DeleteFunc(a.Capabilities, func(c string) bool { return c == "ACL" || c == "METADATA" })
	night("a server without rights", "", second)
	archivetest.MustBeSound(t, r)
}

// An error while rights are read costs no mail: the run warns.
func TestPropertiesThatCannotBeRead(t *testing.T) {
	r, a := archivetest.NewRepo(t, new(storetest.Memory)), accountWithRights()
	a.Properties.Err = fmt.Errorf("no rights today")
	b := archivetest.Backup(t, r, a)
	archivetest.MustHold(t, r, b, a.State())
	if len(b.Manifest.Warnings) != 1 || !strings.Contains(b.Manifest.Warnings[0], "no rights today") || !b.Manifest.PropertiesAsked.IsZero() {
		t.Errorf("warnings %q, asked %v", b.Manifest.Warnings, b.Manifest.PropertiesAsked)
	}
	a.Properties.Err = nil
	if b = archivetest.Backup(t, r, a); len(archivetest.ArchivedProperties(t, r, b.Head)) != 2 {
		t.Error("the next run does not ask again")
	}
}

// A server that does not answer for now is asked again.
func TestPropertiesAfterAWhile(t *testing.T) {
	for busy := range 4 {
		synctest.Test(t, func(t *testing.T) {
			r, a := archivetest.NewRepo(t, new(storetest.Memory)), accountWithRights()
			a.Capabilities = append(a.Capabilities, "QUOTA")
			a.Properties.QuotaOf = map[string]mail.Quota{"INBOX": {Root: "own", Resource: "STORAGE", Usage: 1, Limit: 2}}
			a.Properties.Busy = busy
			b := archivetest.Backup(t, r, a)
			if len(archivetest.ArchivedProperties(t, r, b.Head)) != 2 || len(b.Manifest.Server.Quota) != 1 || len(b.Manifest.Warnings) > 0 {
				t.Errorf("after %d failures: %+v, %q", busy, b.Manifest.Server.Quota, b.Manifest.Warnings)
			}
		})
	}
}

// Prune keeps the property pages of the manifests that are left.
func TestPruneKeepsProperties(t *testing.T) {
	store := new(storetest.Memory)
	r, a := archivetest.NewRepo(t, store), accountWithRights()
	first := archivetest.Backup(t, r, a)
	a.Mailbox("INBOX").Add("Subject: second\r\n\r\n")
	second := archivetest.Backup(t, r, a)
	if err := r.MarkAll(t.Context(), []statement.Marked{{Manifest: first.Head.Name}}); err != nil {
		t.Fatal(err)
	}
	want := archivetest.ArchivedProperties(t, r, second.Head)
	for range 3 {
		store.Advance(25 * time.Hour)
		if _, err := archive.Prune(t.Context(), archivetest.Reopen(t, store), repo.PruneOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if slices.Contains(store.Names(), first.Head.Name) {
		t.Error("the prune removes nothing")
	}
	r = archivetest.Reopen(t, store)
	archivetest.MustBeSound(t, r)
	if got := archivetest.ArchivedProperties(t, r, second.Head); !reflect.DeepEqual(got, want) || len(got) != 2 {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Access rights take no round trip of a night without news.
func TestPropertiesTakeNoRoundTrips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFarHost(t)
		h.Account.Capabilities = append(h.Account.Capabilities, "ACL")
		h.Account.Properties = &archivetest.Properties{Of: map[string]mail.Properties{}}
		for i := range 1000 {
			name := fmt.Sprintf("Customers/%d", i)
			h.deliver(name, 2)
			h.Account.Properties.Of[name] = archivetest.Granted("jo", "lrswipkxtea", name)
		}
		trips, requests := h.night(t)
		mostOf(t, "first", trips, requests.All(), 10, 18)
		trips, requests = h.night(t)
		mostOf(t, "unchanged", trips, requests.All(), 5, 8)
		h.Account.PropertiesNow = true
		trips, requests = h.night(t)
		mostOf(t, "asked again", trips, requests.All(), 7, 10)
	})
}

// TestQuotasOfAllRoots checks that each manifest has the quota of INBOX as of its night, and that
// of other roots as of the last time when all mailboxes were asked, and of a new mailbox as soon as
// it is there.
func TestQuotasOfAllRoots(t *testing.T) {
	a := archivetest.NewAccount()
	a.Capabilities = append(a.Capabilities, "ACL")
	root := func(name string, usage uint64) mail.Quota {
		return mail.Quota{Root: name, Resource: "STORAGE", Usage: usage, Limit: 100}
	}
	a.Mailbox("INBOX").Add("Subject: x\r\n\r\nx")
	a.Mailbox("Shared").Add("Subject: y\r\n\r\ny")
	a.Properties = &archivetest.Properties{
		Of:      map[string]mail.Properties{"INBOX": archivetest.Granted("jo", "lr", "c")},
		QuotaOf: map[string]mail.Quota{},
	}
	store := &storetest.Memory{}
	r := archivetest.NewRepo(t, store)
	for night, test := range []struct {
		days int // since the last one
		make string
		want string // in the order of the manifest, INBOX first: the night of which the numbers are
	}{{0, "", "0 0"}, {1, "", "1 0"}, {1, "New", "2 2 0"}, {1, "", "3 2 0"}, {6, "", "4 4 4"}, {1, "", "5 4 4"}} {
		store.Advance(time.Duration(test.days) * 24 * time.Hour)
		if test.make != "" {
			a.Mailbox(test.make).Add("Subject: z\r\n\r\nz")
		}
		a.Quota = []mail.Quota{root("own", uint64(night))}
		a.Properties.QuotaOf = map[string]mail.Quota{
			"INBOX": root("own", uint64(night)), "Shared": root("of Shared", uint64(night)), "New": root("of New", uint64(night)),
		}
		b := archivetest.Backup(t, r, a)
		var got []string
		for _, q := range b.Manifest.Server.Quota {
			got = append(got, fmt.Sprint(q.Usage))
		}
		if text := strings.Join(got, " "); text != test.want {
			t.Errorf("night %d: %s, want %s: %v", night, text, test.want, b.Manifest.Server.Quota)
		}
	}
}

// A server with more quotas than a manifest takes costs no backup.
func TestManyQuotas(t *testing.T) {
	a := archivetest.NewAccount()
	a.Mailbox("INBOX").Add("Subject: x\r\n\r\nx")
	for i := range 5000 {
		a.Quota = append(a.Quota, mail.Quota{Root: fmt.Sprint(i), Resource: "STORAGE", Usage: 1, Limit: 100})
	}
	b := archivetest.Backup(t, archivetest.NewRepo(t, &storetest.Memory{}), a)
	if n := len(b.Manifest.Server.Quota); n != 1000 || b.Manifest.Server.Quota[0].Root != "0" {
		t.Errorf("%d quotas are archived, want the first 1,000", n)
	}
}
