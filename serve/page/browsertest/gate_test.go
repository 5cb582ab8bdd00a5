package browsertest

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/testbed/chromium"
)

// neighbor is a page of another server of the host: for cookies it is the same site. It knows the
// secret prefix, which it cannot learn, and asks for pages in every way that HTML and scripts have.
// What it can read it reports by ran.
const neighbor = `<!DOCTYPE html><title>neighbor</title>
<link rel=stylesheet href="TARGETstyle.css"><link rel=prefetch href="TARGET"><link rel=preload as=fetch href="TARGETaccount?PLACE">
<img src="TARGETicon.svg" onload="ran('image')"><img src="TARGETeml?PLACE" onload="ran('image of mail')">
<script src="TARGETmessage?PLACE" onload="ran('script')"></script>
<iframe name=inside src="TARGETmessage?PLACE"></iframe><object data="TARGET" type="text/html"></object><embed src="TARGETframe?PLACE">
<iframe name=posted></iframe><form id=post target=posted method=post action="TARGETlogin"><input name=password value=guess></form>
<iframe name=got></iframe><form id=get target=got action="TARGETmailbox"><input name=a value=account-0><input name=m value=INBOX></form>
<script>
post.submit(); get.submit();
const look = async () => {
	for (const mode of ['cors', 'no-cors', 'same-origin']) for (const method of ['GET', 'POST', 'HEAD'])
		try {
			const text = await (await fetch('TARGETmessage?PLACE', {mode, method, credentials: 'include'})).text();
			if (text) ran('read by fetch');
		} catch {}
	try { new WebSocket('TARGET'.replace('http', 'ws')).onopen = () => ran('socket'); } catch {}
	try { new EventSource('TARGET', {withCredentials: true}).onopen = () => ran('events'); } catch {}
	for (let i = 0; i < frames.length; i++) try { if (frames[i].document.body.textContent.trim()) ran('read in a frame'); } catch {}
	const w = open('TARGETmessage?PLACE', 'opened');
	await new Promise(done => setTimeout(done, 500));
	try { if (w.document.body.textContent.trim()) ran('read in a window'); } catch {}
	document.title = 'done';
};
addEventListener('load', look);
</script>`

// Pages of other servers get nothing of the archive, even in a browser that has logged in, and even
// if they are on the same host.
func TestOtherPagesGetNothing(t *testing.T) {
	s := serveMails(t, sample(t), nil)
	place := strings.TrimPrefix(address("", "a", account, "m", "INBOX", "u", "136"), "?")
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		http.SetCookie(w, &http.Cookie{Name: "mailstrata", Value: "of the neighbor", Path: "/"})
		w.Write([]byte(strings.NewReplacer("TARGET", s.http.URL+s.server.Prefix(), "PLACE", strings.ReplaceAll(place, "&", "&amp;")).Replace(neighbor)))
	}))
	t.Cleanup(other.Close)
	s.show(t, s.first, "before", "message?"+place)
	s.mu.Lock()
	s.answers = nil
	s.mu.Unlock()

	tab := s.first.Sibling(t)
	if err := tab.Go(t, other.URL); err != nil {
		t.Fatal(err)
	}
	awaitTitle(t, tab, "done")
	if report := tab.Report(); len(report.Ran) > 0 || len(report.Dialogs) > 0 {
		t.Errorf("the neighbor did %+v", report)
	}
	s.mu.Lock()
	answers := slices.Clone(s.answers)
	s.mu.Unlock()
	if len(answers) < 10 {
		t.Errorf("the neighbor asked only for %q", answers)
	}
	for _, answer := range answers {
		if !strings.HasPrefix(answer, "403 ") && !strings.HasPrefix(answer, "405 ") && !strings.HasPrefix(answer, "503 ") {
			t.Errorf("the neighbor got %s", answer)
		}
	}
	// A cookie of the neighbor, and requests that were refused, end no session.
	s.show(t, s.first, "after", "message?"+place)
}

// A link of a message opens a window with the whole URL. It has no way back, and nothing is asked
// of the host.
func TestLinksShowWhereTheyLead(t *testing.T) {
	s := serveMails(t, sample(t), nil)
	s.first.Screen(t, 1280, 800, false)
	s.show(t, s.first, "message", address("frame", "a", account, "m", "INBOX", "u", "136"))
	var at struct{ X, Y float64 }
	s.first.Eval(t, "(r => ({X: r.x + r.width / 2, Y: r.y + r.height / 2}))(document.querySelector('a').getBoundingClientRect())", &at)
	s.first.Click(t, at.X, at.Y)
	deadline := time.Now().Add(5 * time.Minute)
	var opened []string
	for len(opened) == 0 && time.Now().Before(deadline) {
		time.Sleep(settle)
		opened = append(opened, s.first.Report().Windows...)
	}
	if len(opened) != 1 {
		t.Fatalf("a click opens %q", opened)
	}
	var found bool
	for !found && time.Now().Before(deadline) {
		time.Sleep(settle)
		s.mu.Lock()
		found = slices.ContainsFunc(s.answers, func(a string) bool { return strings.HasPrefix(a, "200 GET link from ") })
		s.mu.Unlock()
	}
	if !found {
		t.Errorf("the answers are %q", s.answers)
	}
	if calls := s.canary.Calls(); len(calls) > 0 {
		t.Errorf("the canary saw %q", calls)
	}
}

// awaitTitle waits until a page has a title.
func awaitTitle(t *testing.T, tab *chromium.Page, title string) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Minute)
	for {
		var has string
		tab.Eval(t, "document.title", &has)
		if has == title {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the page has the title %q", has)
		}
		time.Sleep(settle)
	}
}
