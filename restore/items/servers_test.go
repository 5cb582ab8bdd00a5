package items_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/dav"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/internal/testbed"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
	"github.com/mailstrata/mailstrata/restore/items"
)

// server returns a client of the calendars at a URL.
func server(t *testing.T, text, user string) *dav.Client {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User(user)
	c := dav.New(collection.Calendars, dav.Options{URL: u, AllowPlaintext: true, Password: func(context.Context) (string, error) { return "pw", nil }})
	t.Cleanup(func() { c.Close() })
	return c
}

const zone = "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\n" +
	"TZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nBEGIN:DAYLIGHT\r\nDTSTART:19700329T020000\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\r\n" +
	"TZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n"

// validEvents are odd, and servers take them: recurrences with exceptions, time zones, attachments,
// unknown properties, lines that are folded oddly, names that servers encode each in its own way.
func validEvents(n int) map[string]string {
	all := make(map[string]string)
	for i := range n {
		var b strings.Builder
		width := []int{75, 40, 20, 900}[i%4]
		line := func(format string, args ...any) {
			text := fmt.Sprintf(format, args...)
			for at := 0; len(text) > 0; at++ {
				end := min(width, len(text))
				for end < len(text) && text[end]&0xC0 == 0x80 {
					end--
				}
				if at > 0 {
					b.WriteString("\r\n ")
				}
				b.WriteString(text[:end])
				text = text[end:]
			}
			b.WriteString("\r\n")
		}
		day := fmt.Sprintf("2026%02d%02d", i%12+1, i%28+1)
		b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//odd//odd//EN\r\n" + zone + "BEGIN:VEVENT\r\n")
		line("UID:odd-%d@x.example", i)
		line("DTSTAMP:20260101T000000Z")
		line("DTSTART;TZID=Europe/Berlin:%sT100000", day)
		line("DTEND;TZID=Europe/Berlin:%sT110000", day)
		line("SUMMARY;LANGUAGE=de:Sitzung\\, Nr. %d\\; Größe\\, und ein Text\\, der gefaltet wird\\, 你好", i)
		line("X-ODD;X-P=\"a;b:c\":v\\\\v %d", i)
		if i%3 == 0 {
			line("RRULE:FREQ=DAILY;COUNT=%d", i%20+2)
			line("EXDATE;TZID=Europe/Berlin:%sT100000", day)
		}
		if i%5 == 0 {
			b.WriteString("BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:x\r\nTRIGGER:-PT15M\r\nEND:VALARM\r\n")
		}
		if i%50 == 0 {
			line("ATTACH;ENCODING=BASE64;VALUE=BINARY:%s", base64.StdEncoding.EncodeToString(archivetest.RandomBytes(uint64(i), 30_000)))
		}
		b.WriteString("END:VEVENT\r\nEND:VCALENDAR\r\n")
		all[fmt.Sprintf("odd-%d%%40x+1.ics", i)] = b.String()
	}
	return all
}

// TestManyEventsAtServers restores odd events to real servers: 40, or 5,000 if MAILSTRATA_LONG is
// set, but for Radicale, which reads a whole calendar for each event that it stores. What is then
// read from the server, archived and restored to another of its users is what that one gives, byte
// for byte. A second restore adds nothing, and an exact one removes nothing.
func TestManyEventsAtServers(t *testing.T) {
	cyrus := testbed.Cyrus(t, testbed.CyrusOptions{HTTP: true})
	for _, user := range []string{"jo", "bob"} {
		cyrus.Deliver(t, user, "INBOX", testbed.Message{Body: "Subject: x\r\n\r\nx\r\n"}) // it has no calendars without an INBOX
	}
	radicale := testbed.Radicale(t).URL
	for name, test := range map[string]struct {
		url func(user string) string
		n   int
	}{
		"Cyrus":    {func(string) string { return cyrus.URL + "/" }, 5000},
		"Radicale": {func(user string) string { return radicale + "/" + user + "/" }, 200},
	} {
		t.Run(name, func(t *testing.T) {
			n := 40
			if os.Getenv("MAILSTRATA_LONG") != "" {
				n = test.n
			}
			first := server(t, test.url("jo"), "jo")
			restored(t, archived(t, calendar(validEvents(n))), first, n)
			_, all, err := first.Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			given := contentsOf(t, first, all)
			if len(given) != n {
				t.Fatalf("the server has %d events", len(given))
			}
			a := archivetest.NewAccount()
			a.Mailbox("INBOX").Add("Subject: x\r\n\r\nx")
			a.Items = []collection.Source{server(t, test.url("jo"), "jo")}
			r := archivetest.NewRepo(t, &storetest.Memory{})
			b := archivetest.Backup(t, r, a)
			held := make(map[string]string)
			for path, content := range archivetest.ArchivedItems(t, r, b.Head) {
				held[path[strings.LastIndexByte(path, '/')+1:]] = content
			}
			if !maps.Equal(held, given) {
				t.Error("the archive has other bytes than the server")
			}
			contents, err := archive.OpenManifest(t.Context(), r, b.Head)
			if err != nil {
				t.Fatal(err)
			}
			second := server(t, test.url("bob"), "bob")
			restored(t, contents, second, n)
			if _, all, err = second.Open(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := contentsOf(t, second, all); !maps.Equal(got, given) {
				t.Error("the other user has other bytes")
			}
		})
	}
}

// restored restores n events to an empty server, again, and exactly.
func restored(t *testing.T, contents *archive.Contents, to *dav.Client, n int) {
	t.Helper()
	o := items.Options{Contents: contents, Done: func(e items.Event) {
		if e.Err != nil {
			t.Errorf("%s %s: %v", e.Item, e.Outcome, e.Err)
		}
	}}
	report, err := items.ToServer(t.Context(), to, o)
	if err != nil || report.Added != int64(n) || report.Failed+report.Differing > 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	if report, err = items.ToServer(t.Context(), to, o); err != nil || report != (items.Report{Present: int64(n)}) {
		t.Errorf("again: %+v, %v", report, err)
	}
	o.Mirror = new(items.Mirror)
	if report, err = items.ToServer(t.Context(), to, o); err != nil || report != (items.Report{Present: int64(n)}) {
		t.Errorf("exactly: %+v, %v", report, err)
	}
}

// contentsOf reads all events of a server, by name.
func contentsOf(t *testing.T, from *dav.Client, all []collection.Collection) map[string]string {
	t.Helper()
	found := make(map[string]string)
	for _, c := range all {
		l, err := from.List(t.Context(), c, "")
		if err != nil {
			t.Fatal(err)
		}
		err = from.Read(t.Context(), c, l.Items, func(it collection.Item, err error) error {
			found[it.Name] = string(bytes.Clone(it.Content))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}
