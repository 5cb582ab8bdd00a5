package dav

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mailstrata/mailstrata/collection"
)

// cards is a CardDAV server that makes one version of each vCard, as sabre/dav does, and counts
// requests for them.
type cards struct {
	stored   map[string]string
	converts bool
	filters  bool // it answers an addressbook-query
	refuses  bool // it answers 406 to a version
	fails    int  // it answers this to an addressbook-query; 0: it does not fail
	cuts     bool // it leaves out a part of the answer to that
	asked    atomic.Int32
}

// converted returns a vCard in a version.
func converted(content, version string) string {
	if strings.Contains(content, "VERSION:"+version) {
		return content
	}
	other := strings.NewReplacer("VERSION:3.0", "VERSION:4.0", "VERSION:4.0", "VERSION:3.0").Replace(content)
	return strings.Replace(other, "FN:", "PRODID:-//converted//EN\r\nFN:", 1)
}

func (s *cards) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	sent, _ := io.ReadAll(r.Body) // if it is cut off, no case has it
	body := string(sent)
	content, is := s.stored[strings.TrimPrefix(r.URL.Path, "/book/")]
	switch {
	case r.Method == http.MethodGet && is:
		s.asked.Add(1)
		version := "3.0"
		if strings.Contains(r.Header.Get("Accept"), "4.0") {
			version = "4.0"
		}
		if s.converts {
			content = converted(content, version)
		}
		if s.refuses && version == "4.0" {
			w.WriteHeader(http.StatusNotAcceptable)
			return
		}
		_, _ = io.WriteString(w, content)
	case r.Method == "REPORT" && strings.Contains(body, "multiget"):
		s.asked.Add(1)
		version := "3.0"
		if strings.Contains(body, `version="4.0"/>`) {
			version = "4.0"
		}
		answer := ""
		for name, content := range s.stored {
			if href := "/book/" + name; strings.Contains(body, href+"<") {
				answer += props(href, `<address-data xmlns="urn:ietf:params:xml:ns:carddav">`+converted(content, version)+"</address-data>")
			}
		}
		w.WriteHeader(http.StatusMultiStatus)
		_, _ = io.WriteString(w, multi(answer))
	case r.Method == "REPORT" && s.fails != 0:
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(s.fails)
	case r.Method == "REPORT" && !s.filters:
		w.WriteHeader(http.StatusNotImplemented)
	case r.Method == "REPORT":
		s.asked.Add(1)
		answer := ""
		for name, content := range s.stored {
			if strings.Contains(content, "VERSION:4.0") {
				answer += props("/book/"+strings.ReplaceAll(name, "@", "%40"), "<getetag>1</getetag>")
			}
		}
		if s.cuts { // RFC 6352 section 8.6.2
			answer = `<response><href>/book/</href><status>HTTP/1.1 507 Insufficient Storage</status></response>`
		}
		w.WriteHeader(http.StatusMultiStatus)
		_, _ = io.WriteString(w, multi(answer))
	default:
		http.NotFound(w, r)
	}
}

// open returns a client of the server and all cards.
func (s *cards) open(t *testing.T) (*Client, []collection.Listed) {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := New(collection.AddressBooks, Options{URL: u, AllowPlaintext: true})
	t.Cleanup(func() { c.Close() })
	var all []collection.Listed
	for name := range s.stored {
		all = append(all, collection.Listed{Name: name})
	}
	return c, all
}

// read reads all cards, and counts those of which the client doubts the version.
func (s *cards) read(t *testing.T) (found map[string]string, doubtful int) {
	t.Helper()
	c, all := s.open(t)
	found = make(map[string]string)
	err := c.Read(t.Context(), collection.Collection{Path: "/book/"}, all, func(item collection.Item, err error) error {
		found[item.Name] = string(item.Content)
		if item.Doubtful {
			doubtful++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found, doubtful
}

// TestVersionsOfContacts reads vCards of both versions as they are stored.
func TestVersionsOfContacts(t *testing.T) {
	stored := make(map[string]string)
	for i := range 40 {
		stored[fmt.Sprintf("%d@x.vcf", i)] = fmt.Sprintf("BEGIN:VCARD\r\nVERSION:%d.0\r\nFN:Jö %d\r\nEND:VCARD\r\n", 3+i%2, i)
	}
	for name, test := range map[string]struct {
		server   *cards
		requests int32
	}{
		"a server that converts":         {&cards{converts: true, filters: true}, 41},
		"a server that does not":         {&cards{filters: true}, 41},
		"a server that knows no filters": {&cards{}, 40},
		"a server that answers 406":      {&cards{filters: true, refuses: true}, 61},
	} {
		test.server.stored = stored
		if found, doubtful := test.server.read(t); !maps.Equal(found, stored) || doubtful != 0 {
			t.Errorf("%s: %d doubtful, %q", name, doubtful, found)
		}
		if asked := test.server.asked.Load(); asked != test.requests {
			t.Errorf("%s: %d requests, want %d", name, asked, test.requests)
		}
	}
}

// TestVersionsInDoubt reads vCards of a server that does not say now in which version they are.
func TestVersionsInDoubt(t *testing.T) {
	stored := map[string]string{"a@x.vcf": "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Jo\r\nEND:VCARD\r\n"}
	for fails, want := range map[int]int{
		http.StatusNotImplemented: 0, http.StatusForbidden: 0, http.StatusBadRequest: 0, // it does not know the report
		http.StatusInternalServerError: 1, http.StatusServiceUnavailable: 1, http.StatusTooManyRequests: 1, http.StatusOK: 1,
	} {
		if _, doubtful := (&cards{stored: stored, converts: true, fails: fails}).read(t); doubtful != want {
			t.Errorf("after %d: %d doubtful, want %d", fails, doubtful, want)
		}
	}
	if _, doubtful := (&cards{stored: stored, converts: true, filters: true, cuts: true}).read(t); doubtful != 1 {
		t.Errorf("after a part of an answer: %d doubtful", doubtful)
	}
}

// TestVersionsAtAGlance compares vCards of both versions with those that a server has, with two
// requests for many, after one for their versions.
func TestVersionsAtAGlance(t *testing.T) {
	s := &cards{converts: true, filters: true, stored: make(map[string]string)}
	for i := range 40 {
		s.stored[fmt.Sprintf("%d.vcf", i)] = fmt.Sprintf("BEGIN:VCARD\nVERSION:%d.0\nFN:Jö %d\nEND:VCARD\n", 3+i%2, i)
	}
	c, all := s.open(t)
	for _, requests := range []int32{3, 5} {
		found, err := c.Glance(t.Context(), collection.Collection{Path: "/book/"}, all)
		if err != nil {
			t.Fatal(err)
		}
		for name, content := range s.stored {
			if string(found[name]) != content {
				t.Errorf("%s is %q, want %q", name, found[name], content)
			}
		}
		if asked := s.asked.Load(); asked != requests {
			t.Errorf("%d requests, want %d", asked, requests)
		}
	}
}
