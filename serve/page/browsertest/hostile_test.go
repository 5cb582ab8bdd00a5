package browsertest

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/internal/hostile"
	"github.com/mailstrata/mailstrata/internal/testbed/chromium"
	"github.com/mailstrata/mailstrata/mail/safehtml"
	"github.com/mailstrata/mailstrata/serve/page"
)

// Whatever a message has in it, nothing runs in a browser that shows it, nothing is fetched, and
// the tab stays where it is: as the page shows the message, and, for one of each kind, when its
// frame is opened alone.
func TestHostileMailDoesNothing(t *testing.T) {
	testHostileMail(t, safehtml.Sanitize, false)
}

// If nothing sanitizes the HTML of a message, the policy of its frame alone is enough, except that
// Chromium connects to the host of a frame before it looks at the policy, and asks it for nothing.
// This is tested with two messages of each kind.
func TestHostileMailDoesNothingWithoutTheSanitizer(t *testing.T) {
	testHostileMail(t, func(document string, _ safehtml.References) safehtml.Result {
		return safehtml.Result{HTML: []byte(document)}
	}, true)
}

func testHostileMail(t *testing.T, sanitize page.Sanitizer, raw bool) {
	mails := hostile.Mails()
	alone := ofEachKind(mails, 1)
	if raw {
		mails = ofEachKind(mails, 2)
		alone = mails
	}
	isAlone := func(m hostile.Mail) bool {
		return slices.ContainsFunc(alone, func(k hostile.Mail) bool { return k.Name == m.Name })
	}
	a := archivetest.NewAccount()
	b := serveMails(t, archived(t, a, func() {
		for _, m := range mails {
			a.Mailbox("INBOX").Add(string(m.Message))
		}
	}), sanitize)
	b.raw = raw
	inParallel(t, b.first, len(mails), func(tab *chromium.Page, i int) {
		m := mails[i]
		parameters := []string{"a", account, "m", "INBOX", "u", strconv.Itoa(i + 1)}
		if isAlone(m) {
			b.show(t, tab, m.Name, address("frame", parameters...))
		}
		if raw { // the page adds another sandbox
			return
		}
		shown := b.show(t, tab, m.Name, address("message", parameters...))
		if m.Structure {
			b.follow(t, tab, m.Name, links(shown))
		}
	})
	calls := b.canary.Calls()
	if raw {
		calls = slices.DeleteFunc(calls, func(call string) bool { return call == chromium.Silent })
	}
	if len(calls) > 0 {
		t.Errorf("the canary saw %q", calls)
	}
}

// ofEachKind returns the first n messages of each kind, which the first word of a name says.
func ofEachKind(mails []hostile.Mail, n int) (some []hostile.Mail) {
	kinds := make(map[string]int)
	for _, m := range mails {
		kind, _, _ := strings.Cut(m.Name, "-")
		if kinds[kind]++; kinds[kind] <= n {
			some = append(some, m)
		}
	}
	return some
}

// follow downloads the attachments of a message, and the message, and shows it in all other ways.
func (s *site) follow(t *testing.T, tab *chromium.Page, name string, links []string) {
	t.Helper()
	seen := make(map[string]bool)
	shown := slices.IndexFunc(links, func(link string) bool { return strings.HasPrefix(link, "message?") && strings.Contains(link, "v=") })
	for i, link := range links {
		if seen[link] || i == shown { // the first way is the one that is shown
			continue
		}
		seen[link] = true
		switch path, _, _ := strings.Cut(link, "?"); path {
		case "attachment", "eml":
			s.download(t, tab, name, link)
		case "message":
			if strings.Contains(link, "v=") {
				s.show(t, tab, name, link)
			}
		}
	}
}

// The messages are dangerous where nothing protects the reader: what the test above sees nothing of
// is there to be seen.
func TestHostileMailIsHostile(t *testing.T) {
	canary := chromium.NewCanary(t)
	var mails []hostile.Mail
	for _, m := range hostile.Mails() {
		if !m.Inert {
			mails = append(mails, m)
		}
	}
	documents := hostile.Documents()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i, err := strconv.Atoi(r.URL.Path[1:])
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write([]byte("<!DOCTYPE html><html><head><title>Message</title></head><body>" + documents[i]))
	}))
	t.Cleanup(server.Close)
	first := chromium.Start(t, canary).Open(t)
	inParallel(t, first, len(mails), func(tab *chromium.Page, i int) {
		_ = tab.Go(t, server.URL+"/"+strconv.Itoa(i)) // it may lead away at once
		names := func(text string) bool { return strings.Contains(text, mails[i].Name+"."+hostile.Domain) }
		for begin := time.Now(); ; time.Sleep(settle / 10) {
			report := tab.Report()
			if slices.Contains(report.Ran, mails[i].Name) || slices.ContainsFunc(report.Requests, names) {
				return
			}
			if time.Since(begin) > 5*time.Minute {
				t.Errorf("%s does nothing", mails[i].Name)
				return
			}
		}
	})
}
