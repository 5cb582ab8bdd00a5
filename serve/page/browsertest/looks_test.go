package browsertest

import (
	_ "embed"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed/chromium"
)

//go:embed audit.js
var audit string

// screens are the sizes in which each page is looked at. 320 pixels are the narrowest of WCAG
// (1.4.10).
var screens = []struct {
	name          string
	width, height int
	dark          bool
}{
	{"wide", 1280, 800, false},
	{"wide-dark", 1280, 800, true},
	{"phone", 360, 740, false},
	{"narrow-dark", 320, 640, true},
}

// Each page can be read by keyboard, by ear and with weak eyes, wide and narrow, light and dark.
// With a directory in MAILSTRATA_SCREENSHOTS, the test leaves pictures there.
func TestPagesCanBeReadByAll(t *testing.T) {
	s := serveMails(t, sample(t), nil)
	for name, at := range s.kinds(t) {
		tab := s.first
		for _, screen := range screens {
			tab.Screen(t, screen.width, screen.height, screen.dark)
			if err := tab.Go(t, s.http.URL+s.server.Prefix()+at); err != nil {
				t.Fatalf("%s: %v", at, err)
			}
			var faults []string
			tab.Eval(t, audit, &faults)
			for _, fault := range faults {
				t.Errorf("%s, %s: %s", name, screen.name, fault)
			}
			if dir := os.Getenv("MAILSTRATA_SCREENSHOTS"); dir != "" {
				if err := os.WriteFile(filepath.Join(dir, name+"-"+screen.name+".png"), tab.Screenshot(t), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
		mustReachAll(t, tab, name)
	}
}

// mustReachAll requires that the key Tab reaches all that can be used, and that it can be seen
// where one is. Chromium shows that itself within frames and dates. The links of a drawing are left
// out: a list beside it has the same, and a drawing of a year would take 365 keys.
func mustReachAll(t *testing.T, tab *chromium.Page, name string) {
	t.Helper()
	const usable = "[...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary, iframe, [tabindex]')].filter(e => e.checkVisibility() && !e.closest('figure svg[aria-hidden]'))"
	var n int
	tab.Eval(t, "(window.usable = "+usable+").length", &n)
	reached := map[int]bool{}
	for range n + 20 {
		tab.Tab(t)
		var focus struct {
			Index int
			Seen  bool
			What  string
		}
		tab.Eval(t, `(() => {
			const e = document.activeElement, s = getComputedStyle(e);
			return {Index: usable.indexOf(e), Seen: s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2 || e.tagName === 'IFRAME' || e.type === 'date', What: e.outerHTML.slice(0, 100)};
		})()`, &focus)
		if focus.Index >= 0 && !focus.Seen {
			t.Errorf("%s: nothing shows that the focus is at %s", name, focus.What)
		}
		if reached[focus.Index] && len(reached) >= n {
			break
		}
		reached[focus.Index] = true
	}
	for i := range n {
		if !reached[i] {
			var what string
			tab.Eval(t, "usable["+itoa(i)+"].outerHTML.slice(0, 200)", &what)
			t.Errorf("%s: Tab does not reach %s", name, what)
			return
		}
	}
}

// kinds returns an address of each kind of page, by its name.
func (s *site) kinds(t *testing.T) map[string]string {
	t.Helper()
	kinds := map[string]string{}
	newest := address("message", "a", account, "m", "INBOX", "u", "136")
	queue := []string{newest, "./"}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		path, query, _ := strings.Cut(at, "?")
		kind := path
		for _, mode := range []string{"v"} { // ways to show a message are kinds of their own
			for pair := range strings.SplitSeq(query, "&") {
				if value, ok := strings.CutPrefix(pair, mode+"="); ok {
					kind += "-" + value
				}
			}
		}
		if kind = strings.Trim(kind, "./"); kind == "" {
			kind = "accounts"
		}
		if kinds[kind] != "" || slices.Contains([]string{"attachment", "eml", "frame", "style.css", "icon.svg", "export"}, path) {
			continue
		}
		if strings.HasPrefix(at, "#") || strings.Contains(path, ":") {
			continue
		}
		if err := s.first.Go(t, s.http.URL+s.server.Prefix()+at); err != nil {
			continue // a download
		}
		kinds[kind] = at
		var found []string
		s.first.Eval(t, "[...document.querySelectorAll('a[href]')].map(e => e.getAttribute('href'))", &found)
		queue = append(queue, found...)
	}
	kinds["link"] = address("link", "u", "https://user:password@xn--mailstrt-7za.example/a/very/long/path?"+strings.Repeat("with=many&parameters=", 20))
	kinds["missing"] = "nothing"
	kinds["search"] = address("search", "a", account, "q", "plan")
	kinds["search-wrong"] = address("search", "a", account, "q", `"open`)
	return kinds
}
