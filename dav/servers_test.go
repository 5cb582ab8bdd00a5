package dav_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/dav"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

func client(t *testing.T, kind collection.Kind, server, user string) *dav.Client {
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User(user)
	password := func(context.Context) (string, error) { return "pw", nil }
	c := dav.New(kind, dav.Options{URL: u, Password: password, AllowPlaintext: true})
	t.Cleanup(func() { c.Close() })
	return c
}

// TestServers makes a collection at a real server, stores items, reads them, and follows changes by
// the sync token.
func TestServers(t *testing.T) {
	radicale := testbed.Radicale(t).URL
	server := testbed.Cyrus(t, testbed.CyrusOptions{HTTP: true})
	server.Deliver(t, "jo", "INBOX", testbed.Message{Body: "Subject: x\r\n\r\nx\r\n"}) // it has no calendars without an INBOX
	cyrus := server.URL
	for name, test := range map[string]struct {
		user string
		url  string
		kind collection.Kind
		item func(n int) string
		end  string
		made []collection.Field
	}{
		"Radicale, calendars":    {"jo", radicale + "/jo/", collection.Calendars, event, ".ics", []collection.Field{{Name: "calendar-color", Value: "#ff0000"}, {Name: "components", Value: "VEVENT VTODO"}}},
		"Radicale, address book": {"bob", radicale + "/bob/", collection.AddressBooks, card, ".vcf", nil},
		"Cyrus, calendars":       {"jo", cyrus + "/", collection.Calendars, event, ".ics", []collection.Field{{Name: "calendar-color", Value: "#ff0000"}, {Name: "components", Value: "VEVENT VTODO"}}},
		"Cyrus, address book":    {"jo", cyrus + "/", collection.AddressBooks, card, ".vcf", nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := client(t, test.kind, test.url, test.user)
			if _, _, err := c.Open(t.Context()); err != nil && !errors.Is(err, dav.ErrNone) {
				t.Fatal(err)
			}
			like := collection.Collection{Path: "/x/made%20here/", Name: "Büro <1> & more", Properties: test.made}
			made, err := c.Create(t.Context(), like)
			if err != nil {
				t.Fatal(err)
			}
			put := func(n int, old *collection.Listed) error {
				return c.Put(t.Context(), made, collection.Item{Listed: collection.Listed{Name: fmt.Sprintf("item%%20%d%%40x+(ü)%s", n, test.end)}, Content: []byte(test.item(n))}, old)
			}
			for n := range 30 {
				if err := put(n, nil); err != nil {
					t.Fatal(err)
				}
			}
			if err := put(3, nil); !errors.Is(err, collection.ErrExists) {
				t.Errorf("an item is stored twice: %v", err)
			}
			found := open(t, c, made.Path)
			if found.Name != like.Name {
				t.Errorf("the collection is %+v", found)
			}
			l, err := c.List(t.Context(), found, "")
			if err != nil || len(l.Items) != 30 {
				t.Fatalf("%d items, %v", len(l.Items), err)
			}
			held := read(t, c, found, l.Items)
			again := read(t, c, found, l.Items)
			for name, content := range held {
				if !bytes.Equal(content, again[name]) {
					t.Errorf("%s is different each time", name)
				}
				if test.kind == collection.AddressBooks && !keepsVersion(name, content) {
					t.Errorf("%s has another version: %q", name, content)
				}
			}
			seen, err := c.Glance(t.Context(), found, append(l.Items, collection.Listed{Name: "gone" + test.end}))
			if err != nil || len(seen) != len(held) {
				t.Errorf("%d of %d items in one answer, %v", len(seen), len(held), err)
			}
			for name, content := range seen {
				want := strings.ReplaceAll(string(held[name]), "\r\n", "\n")
				if string(content) != want {
					t.Errorf("%s is %q in an answer of many", name, content)
				}
			}
			if found.SyncToken == "" {
				t.Fatal("no sync token")
			}
			if err := put(30, nil); err != nil {
				t.Fatal(err)
			}
			changed, err := c.List(t.Context(), found, found.SyncToken)
			if err != nil || !changed.Since || len(changed.Items) != 1 || !strings.HasPrefix(changed.Items[0].Name, "item%2030") {
				t.Errorf("after one more item: %+v, %v", changed, err)
			}
			mustDelete(t, c, found, changed.Items[0], held, l.Items[0])
			if err := put(30, nil); err != nil {
				t.Fatal(err)
			}
			if all, err := c.List(t.Context(), found, "data:,no-such-token"); err != nil || all.Since || len(all.Items) != 31 {
				t.Errorf("with a token that the server does not know: %d items, %v", len(all.Items), err)
			}
			if err := c.DeleteCollection(t.Context(), found); err != nil {
				t.Error(err)
			}
			if _, err := c.List(t.Context(), found, ""); err == nil {
				t.Error("the collection is still there")
			}
		})
	}
}

// keepsVersion reports whether a vCard is of the version that card gave it.
func keepsVersion(name string, content []byte) bool {
	var n int
	if _, err := fmt.Sscanf(name, "item%%20%d", &n); err != nil {
		return false
	}
	return bytes.Contains(content, fmt.Appendf(nil, "\nVERSION:%d.0\r\n", 3+n%2))
}

// mustDelete deletes an item, which is then gone, and does not delete another whose ETag is not the
// server's.
func mustDelete(
	t *testing.T, c *dav.Client, of collection.Collection, item collection.Listed, held map[string][]byte,
	other collection.Listed,
) {
	t.Helper()
	if err := c.Delete(t.Context(), of, item); err != nil {
		t.Errorf("delete %s: %v", item.Name, err)
	}
	if err := c.Delete(t.Context(), of, item); !errors.Is(err, collection.ErrGone) && !errors.Is(err, collection.ErrExists) {
		t.Errorf("delete %s again: %v", item.Name, err)
	}
	changed := collection.Listed{Name: other.Name, ETag: `"another"`}
	if err := c.Delete(t.Context(), of, changed); !errors.Is(err, collection.ErrExists) {
		t.Errorf("delete an item that was changed: %v", err)
	}
	if now := read(t, c, of, []collection.Listed{other}); !bytes.Equal(now[other.Name], held[other.Name]) {
		t.Errorf("the other item is %q", now[other.Name])
	}
}

func open(t *testing.T, c *dav.Client, path string) collection.Collection {
	t.Helper()
	_, all, err := c.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range all {
		if one.Path == path {
			return one
		}
	}
	t.Fatalf("no collection %s among %+v", path, all)
	return collection.Collection{}
}

func read(t *testing.T, c *dav.Client, of collection.Collection, items []collection.Listed) map[string][]byte {
	t.Helper()
	found := make(map[string][]byte)
	err := c.Read(t.Context(), of, items, func(it collection.Item, err error) error {
		found[it.Name] = it.Content
		return err
	})
	if err != nil || len(found) != len(items) {
		t.Fatalf("%d of %d items were read, %v", len(found), len(items), err)
	}
	return found
}

func event(n int) string {
	return fmt.Sprintf("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nBEGIN:VEVENT\r\nUID:uid-%d@example\r\nDTSTAMP:20260101T000000Z\r\n"+
		"DTSTART:20260309T1%d0000Z\r\nDTEND:20260309T235900Z\r\nRRULE:FREQ=WEEKLY;COUNT=5\r\nSUMMARY:Meeting %d\\, ü with a long name that is folded in\r\n  the middle\r\n"+
		"X-ODD;X-P=\"a:b\":value\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", n, n%10, n)
}

func card(n int) string {
	return fmt.Sprintf("BEGIN:VCARD\r\nVERSION:%d.0\r\nUID:card-%d\r\nFN:Jo %d Müller\r\nN:Müller;Jo;;;\r\nX-ODD:1\r\nEND:VCARD\r\n", 3+n%2, n, n)
}
