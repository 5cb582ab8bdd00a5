package page_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/internal/testbed"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
	"github.com/mailstrata/mailstrata/serve/page"
	"github.com/mailstrata/mailstrata/serve/view"
)

// account is the name that archivetest.Backup gives an account.
const account = "account-0"

const host = "127.0.0.1:8143"

// browser asks a server for pages, as a browser does that has logged in.
type browser struct {
	t       *testing.T
	server  *page.Server
	handler http.Handler
	cookie  string
}

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

func open(t *testing.T, archives page.Archives) *browser {
	t.Helper()
	s := page.New(page.Options{
		Archives: archives, Password: []byte("secret"), Host: func(h string) bool { return h == host },
		Log: func(format string, args ...any) {
			if line := fmt.Sprintf(format, args...); strings.Contains(line, "internal error") {
				t.Error(line)
			}
		},
	})
	b := &browser{t: t, server: s, handler: s.Handler()}
	answer := b.ask(s.Link())
	b.cookie = answer.Cookies()[0].Value
	return b
}

// ask asks for a path and a query.
func (b *browser) ask(target string) *http.Response {
	r := httptest.NewRequestWithContext(b.t.Context(), "GET", "http://"+host+target, nil)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.AddCookie(&http.Cookie{Name: "mailstrata", Value: b.cookie})
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	return w.Result()
}

// get returns the page at an address below the prefix.
func (b *browser) get(address string) string {
	b.t.Helper()
	answer := b.ask(b.server.Prefix() + strings.TrimPrefix(address, "./"))
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != 200 {
		b.t.Errorf("%s: status %d, %v\n%s", address, answer.StatusCode, err, text)
	}
	if strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") {
		mustNest(b.t, address, string(text))
	}
	return string(text)
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

// walk gets every page that can be reached, at most limit, and returns them by their addresses.
func (b *browser) walk(limit int) map[string]string {
	b.t.Helper()
	pages := map[string]string{}
	queue := []string{"./"}
	for len(queue) > 0 && len(pages) < limit {
		next := queue[0]
		queue = queue[1:]
		if _, seen := pages[next]; seen || strings.HasPrefix(next, "#") || strings.HasPrefix(next, "http") || strings.HasPrefix(next, "mailto:") || strings.HasPrefix(next, "data:") {
			continue
		}
		pages[next] = b.get(next)
		queue = append(queue, links(pages[next])...)
	}
	return pages
}

func must(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
}

func mustNot(t *testing.T, text string, unwanted ...string) {
	t.Helper()
	for _, bad := range unwanted {
		if strings.Contains(text, bad) {
			t.Errorf("the page has %q:\n%s", bad, text)
		}
	}
}

const mixed = "From: =?utf-8?q?J=C3=BC?= <ju@example.org>\r\nTo: anna@example.org\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nDate: Fri, 13 Mar 2026 02:10:00 +0000\r\n" +
	"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nthe text & more\r\n" +
	"--b\r\nContent-Type: application/pdf; name=\"plan.pdf\"\r\nContent-Disposition: attachment; filename=\"plan.pdf\"\r\n\r\n%PDF-1.4\r\n--b--\r\n"

func TestFromTheAccountsToAnAttachment(t *testing.T) {
	a := archivetest.NewAccount()
	inbox := a.Mailbox("INBOX")
	b := open(t, archived(t, a, func() { inbox.Add(mixed, `\Seen`, `\Flagged`); a.Mailbox("R&APY-m") }))
	must(t, b.get("./"), account, "1")
	pages := b.walk(200)
	kinds := map[string]int{}
	for at := range pages {
		path, _, _ := strings.Cut(at, "?")
		kinds[path]++
	}
	for _, path := range []string{"./", "account", "night", "mailbox", "message", "eml", "attachment"} {
		if kinds[path] == 0 {
			t.Errorf("no link leads to %s: %v", path, kinds)
		}
	}
	for at, text := range pages {
		switch path, _, _ := strings.Cut(at, "?"); path {
		case "mailbox":
			if strings.Contains(at, "INBOX") {
				must(t, text, "Jü", "Grüße", "flagged")
			}
		case "night":
			must(t, text, "INBOX", "mailstrata restore ")
		case "storage":
			must(t, text, "Records of the backups", "Keys that open the archive")
		case "message":
			must(t, text, "Grüße", "plan.pdf", "--message 1")
			if !strings.Contains(at, "v=") {
				must(t, text, "the text &amp; more")
			}
		case "eml":
			if text != mixed {
				t.Errorf("the download is %q", text)
			}
		case "attachment":
			if text != "%PDF-1.4" {
				t.Errorf("the attachment is %q", text)
			}
		}
	}
}

// Whatever a message or a mailbox is named, pages stay what they are.
func TestNamesAreEscaped(t *testing.T) {
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(2)>'` + "\u202e"
	a := archivetest.NewAccount()
	body := "From: " + evil + " <a@example.org>\r\nTo: " + evil + "\r\nSubject: " + evil + "\r\n" + "X-" + "Field: " + evil + "\r\n" +
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + evil + "\r\n--b\r\nContent-Disposition: attachment; filename*=utf-8''" + url.PathEscape("../../"+evil) +
		"\r\nContent-Type: text/html\r\n\r\n" + evil + "\r\n--b--\r\n"
	inbox := a.Mailbox("INBOX")
	b := open(t, archived(t, a, func() {
		inbox.Add(body)
		for _, name := range []string{"<script>alert(3)</script>", "..", ".", "%2e%2e", "a?b&c=d#e", `"onmouseover="alert(4)`, "javascript:alert(5)"} {
			a.Mailbox(name).Add("Subject: in " + name + "\r\n\r\nx")
		}
	}))
	pages := b.walk(400)
	if len(pages) < 40 {
		t.Errorf("only %d pages", len(pages))
	}
	for at, text := range pages {
		if path, _, _ := strings.Cut(at, "?"); path == "eml" || path == "attachment" || path == "export" {
			continue
		}
		mustNot(t, text, "<script", "<img src=x", "onerror=alert(2)>'\u202e", "\u202e", `href="javascript:`)
	}
}

func TestDownloadsAreOnlyFiles(t *testing.T) {
	a := archivetest.NewAccount()
	inbox := a.Mailbox("INBOX")
	b := open(t, archived(t, a, func() {
		inbox.Add("Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n" +
			"Content-Disposition: attachment; filename*=utf-8''%0d%0aSet-Cookie:%20a=b%22%2f..%2f%E2%80%AEfdp.exe\r\n\r\n<script>1</script>\r\n--b--\r\n")
	}))
	for at := range b.walk(50) {
		if !strings.HasPrefix(at, "attachment?") && !strings.HasPrefix(at, "eml?") {
			continue
		}
		h := b.ask(b.server.Prefix() + at).Header
		if h.Get("Content-Type") != "application/octet-stream" || h.Get("X-Content-Type-Options") != "nosniff" ||
			!strings.HasPrefix(h.Get("Content-Disposition"), "attachment; filename") || strings.Contains(h.Get("Content-Disposition"), "..") ||
			!strings.HasPrefix(h.Get("Content-Security-Policy"), "sandbox;") || h.Get("Set-Cookie") != "" {
			t.Errorf("%s has the header %v", at, h)
		}
	}
}

// Each sort has each message once, over all pages.
func TestMailboxesAreSorted(t *testing.T) {
	a := archivetest.NewAccount()
	inbox := a.Mailbox("INBOX")
	b := open(t, archived(t, a, func() {
		for i := range 250 {
			m := inbox.Add(fmt.Sprintf("From: Name %03d <x@example.org>\r\nSubject: Re: about %03d\r\n\r\n%s", (i*7)%250, (i*11)%250, strings.Repeat("x", (i*13)%250)))
			m.Date = time.Unix(int64(1_700_000_000+(i*17)%250*60), 0).UTC().Format("02-Jan-2006 15:04:05 -0700")
		}
	}))
	at := address("mailbox", "a", account, "m", "INBOX")
	for order, first := range map[string]string{"from": "Name 000", "-from": "Name 249", "subject": "about 000", "-subject": "about 249"} {
		seen := map[string]bool{}
		for n := 1; n <= 3; n++ {
			text := b.get(at + "&s=" + order + "&p=" + fmt.Sprint(n))
			if n == 1 {
				row := text[strings.Index(text, "<tbody"):]
				must(t, row[:strings.Index(row, "</tr>")], first)
			}
			for _, link := range links(text) {
				if strings.HasPrefix(link, "message?") {
					seen[link] = true
				}
			}
		}
		if len(seen) != 250 {
			t.Errorf("sorted by %s, there are %d messages", order, len(seen))
		}
	}
	must(t, b.get(at+"&p=99"), "Page 3 of 3")
	b.get(at + "&s=nonsense&p=-1")
}

func TestWhatDoesNotExist(t *testing.T) {
	a := archivetest.NewAccount()
	inbox := a.Mailbox("INBOX")
	b := open(t, archived(t, a, func() { inbox.Add(mixed) }))
	for _, at := range []string{
		"nothing", "../", "account", address("account", "a", "nobody"), address("night", "a", account, "n", "0123456789abcdef"),
		address("mailbox", "a", account, "m", "none"), address("message", "a", account, "m", "INBOX", "u", "9"),
		address("message", "a", account, "m", "INBOX", "u", "x"), address("attachment", "a", account, "m", "INBOX", "u", "1", "i", "9"),
	} {
		if answer := b.ask(b.server.Prefix() + at); answer.StatusCode != 404 {
			t.Errorf("%s: status %d", at, answer.StatusCode)
		}
	}
	for bad, want := range map[string]int{"https://evil.example/x": 200, "javascript:alert(1)": 400, "data:text/html,x": 400, "//evil.example": 400, "%zz": 400,
		"http:/evil.example": 400, "https:evil.example": 400, "http:///evil.example": 400, "mailto:": 400, "http://a.example\\@evil.example": 400} {
		answer := b.ask(b.server.Prefix() + address("link", "u", bad))
		text, _ := io.ReadAll(answer.Body)
		if answer.StatusCode != want {
			t.Errorf("link to %s: status %d", bad, answer.StatusCode)
		}
		mustNot(t, string(text), `href="javascript:`, `href="data:`, `href="//`)
	}
}

// Only pages of a session count as use, and of them only those that a person opens.
func TestUseIsCounted(t *testing.T) {
	used := 0
	s := page.New(page.Options{Archives: view.Archives{}, Host: func(h string) bool { return h == host }, Used: func() { used++ }})
	b := &browser{t: t, server: s, handler: s.Handler()}
	b.ask(s.Prefix())
	b.ask(s.Prefix() + "style.css")
	b.cookie = b.ask(s.Link()).Cookies()[0].Value
	b.ask(s.Prefix() + "icon.svg")
	for name, value := range map[string]string{"Sec-Purpose": "prefetch", "Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "http://"+host+s.Prefix(), nil)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set(name, value)
		r.AddCookie(&http.Cookie{Name: "mailstrata", Value: b.cookie})
		b.handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	if used != 0 {
		t.Errorf("%d uses without a page", used)
	}
	if b.ask(s.Prefix()); used != 1 {
		t.Errorf("%d uses after a page", used)
	}
}

// Without a session there is no page but the form, its style and links.
func TestEveryRouteNeedsASession(t *testing.T) {
	b := open(t, view.Archives{})
	b.cookie = ""
	for _, path := range b.server.Paths() {
		want := 401
		switch path {
		case "style.css", "icon.svg", "login":
			want = 200
		case "link":
			want = 400
		}
		if answer := b.ask(b.server.Prefix() + path); answer.StatusCode != want {
			t.Errorf("%s: status %d, want %d", path, answer.StatusCode, want)
		}
	}
}

// A search of all backups shows what was deleted, with the words marked, and how to restore it.
func TestSearch(t *testing.T) {
	a := archivetest.NewAccount()
	inbox := a.Mailbox("INBOX")
	b := open(t, archived(t, a,
		func() {
			inbox.Add("From: Joao <j@example.org>\r\nSubject: old\r\n\r\nthe <old> bridge & more\r\n")
			inbox.Add("Subject: kept\r\n\r\nanother bridge\r\n")
		},
		func() { inbox.Expunge(1) },
	))
	at := address("search", "a", account, "q", "bridge")
	must(t, b.get(at), "2 messages in all backups", "the &lt;old&gt; <mark>bridge</mark> &amp; more", "archived from", "find --all --account account-0 --text bridge")
	h := b.get(address("account", "a", account))
	var latest string
	for _, link := range links(h) {
		if values, _ := url.ParseQuery(strings.TrimPrefix(link, "night?")); values.Get("n") != "" && latest == "" {
			latest = values.Get("n")
		}
	}
	// What was found is in several nights, so the command is that of the newest message; what is in
	// one comes back by the query.
	must(t, b.get(at), "restores the first message,", "mailstrata restore ", " --mailbox INBOX --message ")
	must(t, b.get(address("search", "a", account, "q", "another bridge")), "restores what was found,", "mailstrata restore "+latest[:8]+" --text &#39;another bridge&#39; --to imap://test")
	must(t, b.get(address("search", "a", account, "q", "-old -$(it)")), "--text=-old -$(it)&#39; --to")
	text := b.get(at + "&n=" + latest)
	must(t, text, "1 message in the backup of", "another <mark>bridge</mark>", "mailstrata restore "+latest[:8]+" --text bridge")
	mustNot(t, text, "&lt;old&gt;")
	must(t, b.get(address("search", "a", account, "q", "from:joao is:unseen")), "1 message")
	must(t, b.get(address("search", "a", account, "q", "in:INBOX")), "2 messages")
	must(t, b.get(address("search", "a", account, "q", "nowhere")), "Nothing was found")
	must(t, b.get(address("search", "a", account, "q", "")), "What you can search for")
	for _, wrong := range []string{`"open`, "after:sometime", "(a", "larger:x", "in:"} {
		must(t, b.get(address("search", "a", account, "q", wrong)), `role="alert"`)
	}
	for _, link := range links(b.get(at)) {
		if strings.HasPrefix(link, "message?") {
			must(t, b.get(link), "bridge")
		}
	}
}

// What is gone between two nights is shown, and can be downloaded; what moved is not gone.
func TestGone(t *testing.T) {
	testbed.OneDay(t) // it asks for what changed today
	a := archivetest.NewAccount()
	inbox := a.Mailbox("INBOX")
	b := open(t, archived(t, a,
		func() {
			for _, name := range []string{"lost", "moved", "kept", "marked"} {
				inbox.Add("From: " + name + "@example.org\r\nSubject: about " + name + "\r\n\r\n" + name + "\r\n")
			}
		},
		func() {
			inbox.MoveTo(a.Mailbox("Work"), 2)
			inbox.Expunge(1)
			inbox.SetFlags(4, `\Flagged`)
			inbox.Add("Subject: about new\r\n\r\nnew\r\n")
		},
	))
	pages := b.walk(300)
	n := 0
	for at, text := range pages {
		if !strings.HasPrefix(at, "changes?") {
			continue
		}
		n++
		body := text
		if i, j := strings.Index(text, "<tbody"), strings.Index(text, "</tbody>"); i > 0 {
			body = text[i:j]
		}
		for kind, want := range map[string]string{"v=gone": "lost", "v=new": "new", "v=moved": "moved", "v=flags": "marked"} {
			if strings.Contains(at, kind) {
				must(t, body, "about "+want)
				if got := strings.Count(body, "<tr"); got != 1 {
					t.Errorf("%s: %d messages", at, got)
				}
			}
		}
		must(t, text, "--missing-from")
	}
	if n < 5 {
		t.Errorf("%d pages of changes: %v", n, pages)
	}
	for at, text := range pages {
		switch {
		case strings.HasPrefix(at, "export?") && strings.Contains(at, "as=mbox") && strings.Contains(at, "b="):
			must(t, text, "about lost")
			mustNot(t, text, "about moved", "about kept", "about new")
		case strings.HasPrefix(at, "export?") && strings.Contains(at, "as=zip") && !strings.HasPrefix(text, "PK"):
			t.Errorf("%s is no ZIP file", at)
		}
	}
	today := time.Now().Format(time.DateOnly)
	if answer := b.ask(b.server.Prefix() + address("changes", "a", account, "since", "2001-01-01")); answer.StatusCode != 404 {
		t.Errorf("since 2001: status %d", answer.StatusCode)
	}
	b.get(address("changes", "a", account, "since", today, "until", ""))
	must(t, b.get(address("export", "a", account, "q", "marked", "as", "mbox")), "\nSubject: about marked\n")
	for at, text := range pages {
		if strings.HasPrefix(at, "stay?") {
			must(t, text, map[bool]string{true: "does not have it any more", false: "The latest backup has it"}[strings.Contains(text, "about lost")])
		}
	}
	for _, at := range []string{
		address("export", "a", account, "m", "INBOX"), address("export", "a", account, "m", "INBOX", "as", "exe"), address("export", "a", account, "q", "", "as", "zip"),
	} {
		if answer := b.ask(b.server.Prefix() + at); answer.StatusCode != 404 {
			t.Errorf("%s: status %d", at, answer.StatusCode)
		}
	}
}
