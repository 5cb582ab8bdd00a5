package dav

import (
	"errors"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/collection"
)

const sample = `<?xml version="1.0" encoding="utf-8"?>
<D:multistatus xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">
 <D:response><D:href>/cal/a.ics</D:href>
  <D:propstat><D:prop><D:getetag>"1"</D:getetag></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>
  <D:propstat><D:prop><C:x/></D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>
 </D:response>
 <D:response><D:href>/cal/b.ics</D:href><D:status>HTTP/1.1 404 Not Found</D:status></D:response>
 <D:sync-token>data:,7</D:sync-token>
</D:multistatus>`

func TestParseMultistatus(t *testing.T) {
	m, err := parseMultistatus(strings.NewReader(sample), 1<<20)
	if err != nil || len(m.responses) != 2 || m.syncToken != "data:,7" {
		t.Fatalf("%+v, %v", m, err)
	}
	if a := m.responses[0]; a.href != "/cal/a.ics" || a.textOf(davSpace, "getetag") != `"1"` || a.prop(calDAVSpace, "x") != nil {
		t.Errorf("%+v", a)
	}
	if m.responses[1].status != 404 {
		t.Errorf("%+v", m.responses[1])
	}
}

// TestBrokenMultistatus checks that an answer that is not whole is an error, wherever it ends, so
// that nothing seems to be deleted.
func TestBrokenMultistatus(t *testing.T) {
	end := strings.LastIndex(sample, "</D:multistatus>")
	for n := range end {
		if _, err := parseMultistatus(strings.NewReader(sample[:n]), 1<<20); !errors.Is(err, ErrProtocol) {
			t.Fatalf("the first %d bytes: %v", n, err)
		}
	}
	for name, text := range map[string]string{
		"a web page":        "<!DOCTYPE html><html><body>Log in</body></html>",
		"another element":   `<prop xmlns="DAV:"/>`,
		"no namespace":      `<multistatus></multistatus>`,
		"no href":           `<multistatus xmlns="DAV:"><response><status>HTTP/1.1 200 OK</status></response></multistatus>`,
		"a wrong status":    `<multistatus xmlns="DAV:"><response><href>/a</href><status>200</status></response></multistatus>`,
		"no status":         `<multistatus xmlns="DAV:"><response><href>/a</href><propstat><prop/></propstat></response></multistatus>`,
		"another charset":   `<?xml version="1.0" encoding="utf-16"?><multistatus xmlns="DAV:"></multistatus>`,
		"deep elements":     `<multistatus xmlns="DAV:">` + strings.Repeat("<a>", 100_000),
		"an entity bomb":    `<!DOCTYPE a [<!ENTITY b "bb">]><multistatus xmlns="DAV:"><sync-token>&b;</sync-token></multistatus>`,
		"many properties":   `<multistatus xmlns="DAV:"><response>` + strings.Repeat("<a/>", 2000) + `</response></multistatus>`,
		"a long property":   `<multistatus xmlns="DAV:"><response><a>` + strings.Repeat("a", maxElement) + `</a></response></multistatus>`,
		"an unknown entity": `<multistatus xmlns="DAV:"><sync-token>&b;</sync-token></multistatus>`,
	} {
		if _, err := parseMultistatus(strings.NewReader(text), 1<<30); !errors.Is(err, ErrProtocol) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := parseMultistatus(io.MultiReader(strings.NewReader(`<multistatus xmlns="DAV:">`), endless{}), 1<<20); !errors.Is(err, ErrProtocol) {
		t.Errorf("an endless answer: %v", err)
	}
}

// endless is elements without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	return copy(p, strings.Repeat(" ", len(p))), nil
}

func FuzzParseMultistatus(f *testing.F) {
	f.Add(sample)
	f.Add(`<multistatus xmlns="DAV:"/>`)
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parseMultistatus(strings.NewReader(text), 1<<20)
		if err != nil {
			if !errors.Is(err, ErrProtocol) {
				t.Fatalf("an error that is not ErrProtocol: %v", err)
			}
			return
		}
		for _, r := range m.responses {
			if r.href == "" && !strings.Contains(text, "href") {
				t.Error("a response without href")
			}
		}
		_, _ = precondition([]byte(text))
	})
}

// TestPrecondition reads what servers say about a request that they refuse.
func TestPrecondition(t *testing.T) {
	for body, want := range map[string][2]string{
		`<D:error xmlns:D="DAV:"><D:valid-sync-token/></D:error>`:                                                                   {"valid-sync-token", ""},
		`<error xmlns="DAV:"><need-privileges/><responsedescription> not yours </responsedescription></error>`:                      {"need-privileges", "not yours"},
		`<d:error xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns"><s:sabredav-version>4</s:sabredav-version></d:error>`:             {"", ""},
		`<d:error xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns"><s:exception>X</s:exception><s:message>Why</s:message></d:error>`: {"", "Why"},
		`<d:error xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns" xmlns:c="urn:ietf:params:xml:ns:caldav">` +
			`<s:message>Why</s:message><c:no-uid-conflict/></d:error>`: {"no-uid-conflict", "Why"},
		`<html/>`: {"", ""},
	} {
		if condition, text := precondition([]byte(body)); condition != want[0] || text != want[1] {
			t.Errorf("%s: %q, %q", body, condition, text)
		}
	}
}

// TestMakeBook makes an address book without properties of calendars, which an archive may have,
// and a calendar with them.
func TestMakeBook(t *testing.T) {
	like := collection.Collection{Name: "Friends <1>", Properties: []collection.Field{
		{Name: "calendar-color", Value: "#ff0000"}, {Name: "components", Value: "VEVENT"}, {Name: "description", Value: "Old"},
	}}
	book := New(collection.AddressBooks, Options{URL: new(url.URL)})
	defer book.Close()
	for text, want := range map[string][2]bool{ // in that of the book, of the calendar
		"<D:displayname>Friends &lt;1&gt;</D:displayname>":     {true, true},
		"supported-calendar-component-set":                     {false, true},
		"calendar-color":                                       {false, true},
		"<A:addressbook-description>Old":                       {true, false},
		"<C:calendar-description>Old</C:calendar-description>": {false, true},
	} {
		got := [2]bool{strings.Contains(mkcol(book.names(), like), text), strings.Contains(mkcalendar(like), text)}
		if got != want {
			t.Errorf("%s: %t, want %t", text, got, want)
		}
	}
}
