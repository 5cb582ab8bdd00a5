// Package browsertest tests the pages of serve/page in a real browser.
package browsertest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/internal/testbed/chromium"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
	"github.com/mailstrata/mailstrata/serve/page"
	"github.com/mailstrata/mailstrata/serve/view"
)

// tabs is how many tabs a test uses at once.
const tabs = 6

// settle is how long a page may do something after it has loaded. What is slower is seen in the
// test after it, or by the canary.
const settle = 100 * time.Millisecond

// account is the name that archivetest.Backup gives an account.
const account = "account-0"

// archived archives an account on several nights, and changes it before each.
func archived(t *testing.T, a *archivetest.Account, nights ...func()) view.Archives {
	t.Helper()
	store := new(storetest.Memory)
	r := archivetest.NewRepo(t, store)
	for _, change := range nights {
		change()
		archivetest.Backup(t, r, a)
		store.Advance(24 * time.Hour)
	}
	return view.Archives{view.NewArchive(archivetest.Reopen(t, store))}
}

// address returns the address of a page, from pairs of names and values.
func address(path string, pairs ...string) string {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return path + "?" + values.Encode()
}

var hrefs = regexp.MustCompile(`(?:href|src)="([^"]*)"`)

// links returns the addresses that a page refers to.
func links(text string) (all []string) {
	for _, m := range hrefs.FindAllStringSubmatch(text, -1) {
		all = append(all, strings.ReplaceAll(m[1], "&amp;", "&"))
	}
	return all
}

// site is a server of pages, and a browser that has logged in there.
type site struct {
	server *page.Server
	http   *httptest.Server
	canary *chromium.Canary
	// raw says that the sanitizer is off, and the policy of the frame blocks what a message asks
	// for.
	raw bool

	mu      sync.Mutex
	answers []string // "200 GET message from same-origin", of each request
	first   *chromium.Page
}

// serveMails serves archives to a real browser.
func serveMails(t *testing.T, archives page.Archives, sanitize page.Sanitizer) *site {
	t.Helper()
	s := &site{canary: chromium.NewCanary(t)}
	var name string
	s.server = page.New(page.Options{
		Archives: archives, Password: []byte("secret"), Host: func(h string) bool { return h == name }, Sanitize: sanitize,
		Log: func(format string, args ...any) {
			if line := fmt.Sprintf(format, args...); strings.Contains(line, "internal error") {
				t.Error(line)
			}
		},
	})
	s.http = httptest.NewUnstartedServer(s.recorded(s.server.Handler()))
	name = s.http.Listener.Addr().String()
	s.http.Start()
	t.Cleanup(s.http.Close)
	s.first = chromium.Start(t, s.canary).Open(t)
	s.login(t, s.first)
	return s
}

// recorded records the answers of a handler.
func (s *site) recorded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		h.ServeHTTP(status, r)
		s.mu.Lock()
		defer s.mu.Unlock()
		path := strings.TrimPrefix(r.URL.Path, s.server.Prefix())
		s.answers = append(s.answers, fmt.Sprintf("%d %s %s from %s", status.status, r.Method, path, r.Header.Get("Sec-Fetch-Site")))
	})
}

// statusWriter keeps the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// login opens a one-time link in a tab.
func (s *site) login(t *testing.T, tab *chromium.Page) {
	t.Helper()
	if err := tab.Go(t, s.http.URL+s.server.Link()); err != nil {
		t.Fatal(err)
	}
	tab.AwaitLoad(t) // the page says that one is logged in, and leads to the first
	tab.Report()
}

// show opens an address, requires that the tab does nothing but show it, and returns its source.
func (s *site) show(t *testing.T, tab *chromium.Page, name, address string) (source string) {
	t.Helper()
	at := s.http.URL + s.server.Prefix() + address
	if err := tab.Go(t, at); err != nil {
		t.Errorf("%s: %s: %v", name, address, err)
		return ""
	}
	time.Sleep(settle)
	tab.Eval(t, "document.documentElement.outerHTML", &source)
	s.mustBeQuiet(t, tab.Report(), name, at)
	return source
}

// download opens the address of a file, and requires that the tab shows nothing of it.
func (s *site) download(t *testing.T, tab *chromium.Page, name, address string) {
	t.Helper()
	at := s.http.URL + s.server.Prefix() + address
	if err := tab.Go(t, at); err == nil {
		t.Errorf("%s: the browser shows %s", name, address)
	}
	report := tab.Report()
	s.mustBeQuiet(t, report, name)
}

// mustBeQuiet requires that a tab ran nothing, asked only for addresses of the server, and showed
// only what it was to show.
func (s *site) mustBeQuiet(t *testing.T, report chromium.Report, name string, visited ...string) {
	t.Helper()
	if len(report.Ran)+len(report.Dialogs)+len(report.Windows) > 0 || len(report.Blocked) > 0 && !s.raw || !slices.Equal(report.Visited, visited) {
		t.Errorf("%s: the tab did %+v", name, report)
	}
	for _, url := range report.Requests {
		path, ok := strings.CutPrefix(url, s.http.URL+s.server.Prefix())
		path, _, _ = strings.Cut(path, "?")
		if !ok || !slices.Contains([]string{"message", "frame", "attachment", "eml", "style.css", "icon.svg"}, path) {
			t.Errorf("%s: the tab asked for %s", name, url)
		}
	}
}

// inParallel calls f for each number below n, in several tabs with the cookies of the first.
func inParallel(t *testing.T, first *chromium.Page, n int, f func(tab *chromium.Page, i int)) {
	t.Helper()
	var wait sync.WaitGroup
	work := make(chan int)
	for range tabs {
		tab := first.Sibling(t)
		wait.Go(func() {
			for i := range work {
				if !t.Failed() || testing.Verbose() {
					f(tab, i)
				}
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	wait.Wait()
}
