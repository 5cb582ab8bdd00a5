package dav

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/collection"
)

// fake is a CalDAV server with one calendar, /cal/jo/office/, whose answers a test changes.
type fake struct {
	t     *testing.T
	items map[string]string // by name
	// on may answer a request, and then returns true.
	on       func(w http.ResponseWriter, r *http.Request) bool
	mu       sync.Mutex // of requests
	requests []string
	host     string
}

func multi(body string) string {
	return `<multistatus xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">` + body + `</multistatus>`
}

func props(href, prop string) string {
	return `<response><href>` + href + `</href><propstat><prop>` + prop + `</prop><status>HTTP/1.1 200 OK</status></propstat></response>`
}

func item(name, etag string) string {
	return props("/cal/jo/office/"+name, `<getetag>"`+etag+`"</getetag>`)
}

func newFake(t *testing.T) (*fake, *Client) {
	f := &fake{t: t, items: map[string]string{"a.ics": "BEGIN:VCALENDAR\r\na", "b%20c.ics": "BEGIN:VCALENDAR\nb\r"}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.host = server.URL
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User("jo")
	password := func(context.Context) (string, error) { return "pw", nil }
	c := New(collection.Calendars, Options{URL: u, Password: password, AllowPlaintext: true, MaxWait: 2 * time.Second})
	t.Cleanup(func() { c.Close() })
	return f, c
}

const calendarType = `<resourcetype><collection/><C:calendar/></resourcetype><sync-token>t1</sync-token><displayname>Work</displayname>`

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if user, password, ok := r.BasicAuth(); !ok || user != "jo" || password != "pw" {
		f.t.Errorf("%s %s without the login", r.Method, r.URL.Path)
	}
	f.mu.Lock()
	f.requests = append(f.requests, r.Method+" "+r.URL.EscapedPath())
	f.mu.Unlock()
	if f.on != nil && f.on(w, r) {
		return
	}
	answer := ""
	switch {
	case r.Method == "PROPFIND" && r.URL.Path == "/.well-known/caldav":
		http.Redirect(w, r, "/dav/", http.StatusMovedPermanently)
		return
	case r.Method == "PROPFIND" && r.URL.Path == "/dav/":
		answer = props("/dav/", `<current-user-principal><href>/principals/jo/</href></current-user-principal>`)
	case r.Method == "PROPFIND" && r.URL.Path == "/principals/jo/":
		answer = props("/principals/jo/", `<C:calendar-home-set><href>/cal/jo/</href></C:calendar-home-set>`)
	case r.Method == "PROPFIND" && r.URL.Path == "/cal/jo/":
		answer = props("/cal/jo/", "<resourcetype><collection/></resourcetype>") + props("/cal/jo/inbox/", "<resourcetype><collection/></resourcetype>") +
			props("/cal/jo/office/", calendarType)
	case r.Method == "PROPFIND" && r.URL.Path == "/cal/jo/office/":
		answer = props("/cal/jo/office/", calendarType)
		for name := range f.items {
			answer += item(name, "1")
		}
	case r.Method == "GET" && f.items[strings.TrimPrefix(r.URL.EscapedPath(), "/cal/jo/office/")] != "":
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Content-Type", "text/calendar")
		_, _ = w.Write([]byte(f.items[strings.TrimPrefix(r.URL.EscapedPath(), "/cal/jo/office/")]))
		return
	default:
		http.NotFound(w, r)
		return
	}
	w.WriteHeader(http.StatusMultiStatus)
	_, _ = w.Write([]byte(multi(answer)))
}

var work = collection.Collection{Path: "/cal/jo/office/", SyncToken: "t1"}

func TestDiscoverAndRead(t *testing.T) {
	f, c := newFake(t)
	_, all, err := c.Open(t.Context())
	if err != nil || len(all) != 1 || all[0].Path != "/cal/jo/office/" || all[0].Name != "Work" || all[0].SyncToken != "t1" {
		t.Fatalf("%+v, %v", all, err)
	}
	l, err := c.List(t.Context(), all[0], "")
	if err != nil || len(l.Items) != 2 || l.Since || l.SyncToken != "t1" {
		t.Fatalf("%+v, %v", l, err)
	}
	got := make(map[string]string)
	err = c.Read(t.Context(), all[0], append(l.Items, collection.Listed{Name: "gone.ics"}), func(it collection.Item, err error) error {
		if it.Name == "gone.ics" {
			if !errors.Is(err, collection.ErrGone) {
				t.Errorf("an item that is gone: %v", err)
			}
			return nil
		}
		got[it.Name] = string(it.Content)
		return err
	})
	if err != nil || len(got) != 2 || got["a.ics"] != f.items["a.ics"] || got["b%20c.ics"] != f.items["b%20c.ics"] {
		t.Fatalf("%q, %v", got, err)
	}
}

// TestLargeItems reads more large items than there are readers.
func TestLargeItems(t *testing.T) {
	f, c := newFake(t)
	var list []collection.Listed
	for i := range readers + 2 {
		name := fmt.Sprint(i, ".ics")
		f.items[name] = "BEGIN:VCALENDAR\r\n" + strings.Repeat(fmt.Sprint(i), largeItem)
		list = append(list, collection.Listed{Name: name})
	}
	read := 0
	err := c.Read(t.Context(), work, list, func(it collection.Item, err error) error {
		if read++; err != nil || string(it.Content) != f.items[it.Name] {
			t.Errorf("%s: %d bytes, %v", it.Name, len(it.Content), err)
		}
		return nil
	})
	if err != nil || read != len(list) {
		t.Errorf("%d items, %v", read, err)
	}
}

// TestChanges reads changes in two parts, from a server that repeats an item, and falls back to a
// list when the token is refused.
func TestChanges(t *testing.T) {
	f, c := newFake(t)
	part := 0
	f.on = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != "REPORT" {
			return false
		}
		part++
		w.WriteHeader(http.StatusMultiStatus)
		gone := `<response><href>/cal/jo/office/%s</href><status>HTTP/1.1 404 Not Found</status></response>`
		more := `<response><href>/cal/jo/office/</href><status>HTTP/1.1 507 Insufficient Storage</status></response>`
		if part == 1 {
			_, _ = w.Write([]byte(multi(item("a.ics", "2") + fmt.Sprintf(gone, "x.ics") + item("y.ics", "1") + more + "<sync-token>t2</sync-token>")))
		} else {
			_, _ = w.Write([]byte(multi(item("a.ics", "3") + fmt.Sprintf(gone, "y.ics") + "<sync-token>t3</sync-token>")))
		}
		return true
	}
	l, err := c.List(t.Context(), work, "t0")
	slices.Sort(l.Removed)
	if err != nil || !l.Since || l.SyncToken != "t3" || len(l.Items) != 1 || l.Items[0].ETag != `"3"` || !slices.Equal(l.Removed, []string{"x.ics", "y.ics"}) {
		t.Fatalf("%+v, %v", l, err)
	}
	f.on = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == "REPORT" {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`<error xmlns="DAV:"><valid-sync-token/></error>`))
		}
		return r.Method == "REPORT"
	}
	if l, err = c.List(t.Context(), work, "t0"); err != nil || l.Since || len(l.Items) != 2 {
		t.Fatalf("after an invalid token: %+v, %v", l, err)
	}
}

// TestServersThatMisbehave has answers that must be errors, because the items that they lack would
// seem to be deleted.
func TestServersThatMisbehave(t *testing.T) {
	answer := func(status int, kind, body string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
			return true
		}
	}
	self := props("/cal/jo/office/", calendarType)
	for name, test := range map[string]struct {
		on   func(http.ResponseWriter, *http.Request) bool
		says string
	}{
		"a page to log in":       {answer(200, "text/html", "<html>Log in</html>"), "web page"},
		"200 with nothing":       {answer(200, "text/xml", ""), "207"},
		"207 with a page":        {answer(207, "text/xml", "<!DOCTYPE html><html/>"), "html"},
		"a list that is cut off": {answer(207, "text/xml", multi(self + item("a.ics", "1"))[:300]), "EOF"},
		"a list without itself":  {answer(207, "text/xml", multi(item("a.ics", "1"))), "collection itself"},
		"another collection":     {answer(207, "text/xml", multi(self+props("/cal/jo/home/a.ics", "<getetag>1</getetag>"))), "not in the collection"},
		"a way out":              {answer(207, "text/xml", multi(self+props("/cal/jo/office/../x.ics", "<getetag>1</getetag>"))), "not in the collection"},
		"another host":           {answer(207, "text/xml", multi(self+props("https://evil.example/cal/jo/office/a.ics", "<getetag>1</getetag>"))), "evil.example"},
		"no space":               {answer(507, "text/plain", ""), "507"},
		"a refused login":        {answer(401, "text/plain", ""), "401"},
	} {
		f, c := newFake(t)
		f.on = test.on
		if l, err := c.List(t.Context(), work, ""); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %+v, %v", name, l, err)
		}
	}
	for status, wants := range map[string]bool{"403 Forbidden": false, "429 Too Many Requests": true, "500 Internal Server Error": true, "404 Not Found": false} {
		for _, answer := range []string{
			`<response><href>/cal/jo/home/</href><status>HTTP/1.1 %s</status></response>`,
			`<response><href>/cal/jo/home/</href><propstat><prop><resourcetype/></prop><status>HTTP/1.1 %s</status></propstat></response>`,
		} {
			f, c := newFake(t)
			f.on = func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != "/cal/jo/" {
					return false
				}
				w.WriteHeader(http.StatusMultiStatus)
				_, _ = w.Write([]byte(multi(props("/cal/jo/", "<resourcetype><collection/></resourcetype>") +
					props("/cal/jo/office/", calendarType) + fmt.Sprintf(answer, status))))
				return true
			}
			if _, all, err := c.Open(t.Context()); (err != nil) != wants {
				t.Errorf("a calendar that is answered with %s: %+v, %v", status, all, err)
			}
		}
	}
	for name, location := range map[string]string{"another host": "https://evil.example/", "a query": "/login?then=cal", "itself": "/cal/jo/office/"} {
		f, c := newFake(t)
		f.on = func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusFound)
			return true
		}
		if _, err := c.List(t.Context(), work, ""); err == nil {
			t.Errorf("a redirect to %s is followed", name)
		}
	}
	for _, content := range []string{"", "ERROR 17", `{"error":"no database"}`, "BEGIN:VCARD\r\n"} {
		f, c := newFake(t)
		f.on = func(w http.ResponseWriter, r *http.Request) bool {
			_, _ = w.Write([]byte(content))
			return true
		}
		_ = c.Read(t.Context(), work, []collection.Listed{{Name: "a.ics"}}, func(_ collection.Item, err error) error {
			if !errors.Is(err, ErrProtocol) {
				t.Errorf("%q in place of an event: %v", content, err)
			}
			return nil
		})
	}
	f, c := newFake(t)
	f.on = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == "GET" {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<html>Log in</html>"))
		}
		return r.Method == "GET"
	}
	err := c.Read(t.Context(), work, []collection.Listed{{Name: "a.ics"}, {Name: "../x.ics"}, {Name: "https://evil.example/"}}, func(it collection.Item, err error) error {
		if err == nil {
			t.Errorf("%s was read", it.Name)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if slices.ContainsFunc(f.requests, func(r string) bool { return strings.Contains(r, "x.ics") }) {
		t.Errorf("the requests left the collection: %q", f.requests)
	}
}

// TestWaitsWhenAsked checks that a server may ask for time, but not for more than there is.
func TestWaitsWhenAsked(t *testing.T) {
	f, c := newFake(t)
	n := 0
	after := "1"
	f.on = func(w http.ResponseWriter, r *http.Request) bool {
		if n++; n > 1 {
			return false
		}
		w.Header().Set("Retry-After", after)
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	}
	if _, err := c.List(t.Context(), work, ""); err != nil || n != 2 {
		t.Errorf("%d requests, %v", n, err)
	}
	n, after = 0, "3600"
	if _, err := c.List(t.Context(), work, ""); cmp.Or(statusOfError(err), 0) != http.StatusTooManyRequests || n != 1 {
		t.Errorf("%d requests, %v", n, err)
	}
}
