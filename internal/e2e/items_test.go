package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed"
)

// putItem stores an item at a CalDAV or CardDAV server.
func putItem(t *testing.T, method, url, user, content string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(user, imapPassword)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %s", method, url, answer.Status)
	}
}

// getItem returns what a server has under a URL, or nothing.
func getItem(t *testing.T, url, user string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(user, imapPassword)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return ""
	}
	return string(text)
}

const (
	calendarBody = `<?xml version="1.0"?><C:mkcalendar xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:set><D:prop>` +
		`<D:displayname>Work</D:displayname></D:prop></D:set></C:mkcalendar>`
	bookBody = `<?xml version="1.0"?><D:mkcol xmlns:D="DAV:" xmlns:A="urn:ietf:params:xml:ns:carddav"><D:set><D:prop>` +
		`<D:resourcetype><D:collection/><A:addressbook/></D:resourcetype><D:displayname>Friends</D:displayname></D:prop></D:set></D:mkcol>`
)

func eventText(uid, summary string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nBEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20260101T000000Z\r\n" +
		"DTSTART:20260309T100000Z\r\nSUMMARY:" + summary + "\r\nX-ODD;X-P=\"a:b\":c\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
}

// TestCalendarsAndScripts archives mail, scripts, a calendar and an address book with one call, and
// brings back what was deleted.
func TestCalendarsAndScripts(t *testing.T) {
	t.Parallel()
	dovecot := startDovecot(t, testbed.DovecotOptions{Sieve: true})
	dovecot.Deliver("anna", "INBOX", testbed.Message{Body: "Subject: x\r\n\r\nx\r\n"})
	radicale := testbed.Radicale(t).URL
	calendar, book := radicale+"/anna/office/", radicale+"/anna/friends/"
	putItem(t, "MKCALENDAR", calendar, "anna", calendarBody)
	putItem(t, "MKCOL", book, "anna", bookBody)
	for i := range 10 {
		putItem(t, "PUT", fmt.Sprintf("%se%d.ics", calendar, i), "anna", eventText(fmt.Sprint("u", i), fmt.Sprint("Meeting ", i)))
	}
	putItem(t, "PUT", book+"jo.vcf", "anna", "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:jo\r\nFN:Jo Müller\r\nN:Müller;Jo;;;\r\nEND:VCARD\r\n")
	if err := os.MkdirAll(filepath.Join(dovecot.Home("anna"), "sieve"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dovecot.Home("anna"), "sieve"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("sieve/main.sieve", filepath.Join(dovecot.Home("anna"), ".dovecot.sieve")); err != nil {
		t.Fatal(err)
	}
	script := "keep; # ü\n"
	if err := os.WriteFile(filepath.Join(dovecot.Home("anna"), "sieve", "main.sieve"), []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}

	h := newHost(t)
	h.onDirectory()
	config := fmt.Sprintf("[[accounts]]\nname = \"anna\"\nurl = %q\nca_file = %q\ncaldav = %q\ncarddav = %q\nsieve = %q\n",
		strings.Replace(accountURL("anna", dovecot.TLSAddr), "imap://", "imaps://", 1), dovecot.CAFile,
		strings.Replace(radicale, "//", "//anna@", 1)+"/", strings.Replace(radicale, "//", "//anna@", 1)+"/", "sieve://anna@"+dovecot.Sieve)
	path := filepath.Join(h.home, "config.toml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	h.set("MAILSTRATA_CONFIG", path)
	h.must(0, "backup")
	h.must(0, "check", "--read-data")
	if list := h.must(0, "items").stdout; !strings.Contains(list, "Work") || !strings.Contains(list, "Friends") || !strings.Contains(list, "scripts") {
		t.Errorf("items:\n%s", list)
	}
	if found := h.must(0, "items", "latest", "--name", "müller").stdout; !strings.Contains(found, "jo.vcf") || strings.Contains(found, "e1.ics") {
		t.Errorf("items --name:\n%s", found)
	}

	// What was deleted comes back, and nothing else changes.
	was := getItem(t, calendar+"e3.ics", "anna")
	putItem(t, "DELETE", calendar+"e3.ics", "anna", "")
	putItem(t, "PUT", calendar+"e4.ics", "anna", eventText("u4", "Changed"))
	h.must(0, "backup")
	if gone := h.must(0, "items", "latest~1", "--missing-from", "latest").stdout; !strings.Contains(gone, "e3.ics") || !strings.Contains(gone, "e4.ics") || strings.Contains(gone, "e5.ics") {
		t.Errorf("items --missing-from:\n%s", gone)
	}
	if out := h.must(3, "items", "latest~1", "--missing-from", "latest", "--to", "anna"); !strings.Contains(out.stdout, "1 item restored") || !strings.Contains(out.stderr, "e4.ics") {
		t.Errorf("%s%s", out.stdout, out.stderr)
	}
	if now := getItem(t, calendar+"e3.ics", "anna"); now == "" || now != was {
		t.Errorf("the event is %q, it was %q", now, was)
	}
	if out := h.must(3, "items", "latest~1", "--to", "anna"); !strings.Contains(out.stdout, "0 items restored") {
		t.Errorf("again: %s%s", out.stdout, out.stderr)
	}
	h.must(0, "items", "latest~1", "--to", "anna", "--overwrite")
	if now := getItem(t, calendar+"e4.ics", "anna"); !strings.Contains(now, "Meeting 4") {
		t.Errorf("the event was not replaced: %q", now)
	}

	// A calendar that is gone is an alarm, and each hint of it leads to the events.
	putItem(t, "DELETE", calendar, "anna", "")
	hint := regexp.MustCompile(`hint: mailstrata items [0-9a-f]{8} --missing-from [0-9a-f]{8} shows`)
	if out := h.must(4, "backup"); !hint.MatchString(out.stderr) || strings.Contains(out.stderr, "mailstrata diff") {
		t.Errorf("the alarm of a calendar:\n%s", out.stderr)
	}
	if out := h.must(0, "diff", "latest~1", "latest").stdout; !strings.Contains(out, `calendar "Work": gone, with 9 items`) {
		t.Errorf("diff:\n%s", out)
	}
	if out := h.must(0, "show", "latest").stdout; !strings.Contains(out, "To get it back:          mailstrata items ") {
		t.Errorf("show:\n%s", out)
	}
	h.must(0, "items", "latest~1", "--missing-from", "latest", "--to", "anna")
	h.must(0, "backup")
	if out := h.must(0, "restore", "latest", "--to", "maildir:"+filepath.Join(h.home, "mail")).stderr; !strings.Contains(out, "mailstrata items ") {
		t.Errorf("a restore of everything does not name the calendars:\n%s", out)
	}
	if out := h.must(2, "items", "latest", "--to", "maildir:x").stderr; !strings.Contains(out, "hint: use files:x") {
		t.Errorf("items as mail:\n%s", out)
	}
	if out := h.must(0, "find", "--items", "--all", "meeting", "4"); !strings.Contains(out.stdout, "e4.ics") || strings.Contains(out.stdout, "e5.ics") || !strings.Contains(out.stderr, "mailstrata items ") {
		t.Errorf("find --items --all:\n%s%s", out.stdout, out.stderr)
	}
	if out := h.must(0, "find", "--items", "muller").stdout; !strings.Contains(out, "Jo Müller") {
		t.Errorf("find --items:\n%s", out)
	}
	h.must(2, "find", "--items", "--from", "anna")

	active := filepath.Join(dovecot.Home("carol"), ".dovecot.sieve")
	h.must(0, "items", "latest", "scripts", "--to", "sieve://carol@"+dovecot.Sieve, "--ca-file", dovecot.CAFile)
	if link, err := os.Readlink(active); err == nil {
		t.Errorf("a script is made active though nobody asked: %s", link)
	}
	h.must(0, "items", "latest", "scripts", "--to", "sieve://carol@"+dovecot.Sieve, "--activate", "--ca-file", dovecot.CAFile)
	if link, err := os.Readlink(active); err != nil || !strings.Contains(link, "main.sieve") {
		t.Errorf("the script that was active is not: %q, %v", link, err)
	}
	if text, err := os.ReadFile(filepath.Join(dovecot.Home("carol"), "sieve", "main.sieve")); err != nil || string(text) != script {
		t.Errorf("%q, %v", text, err)
	}

	// To another user, whose collections are made; and as files.
	url := strings.Replace(radicale, "//", "//bob@", 1) + "/bob/"
	h.must(0, "items", "latest~3", "--to", url)
	if now := getItem(t, radicale+"/bob/office/e7.ics", "bob"); !strings.Contains(now, "Meeting 7") {
		t.Errorf("bob has %q", now)
	}
	if out := h.must(0, "items", "latest~3", "--to", url); !strings.Contains(out.stdout, "0 items restored") {
		t.Errorf("again to bob: %s", out.stdout)
	}
	files := filepath.Join(h.home, "files")
	h.must(0, "items", "latest~3", "--to", "files:"+files)
	if text, err := os.ReadFile(filepath.Join(files, "calendars", "Work", "e3.ics")); err != nil || string(text) != was {
		t.Errorf("%q, %v", text, err)
	}
	if text, err := os.ReadFile(filepath.Join(files, "sieve", "main.sieve")); err != nil || string(text) != script {
		t.Errorf("%q, %v", text, err)
	}

	// An exact restore removes what is not archived, of one calendar or of all, after it showed
	// what.
	putItem(t, "PUT", radicale+"/bob/office/own.ics", "bob", eventText("own", "Own"))
	putItem(t, "PUT", radicale+"/bob/friends/own.vcf", "bob", "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:own\r\nFN:Own\r\nN:Own;;;;\r\nEND:VCARD\r\n")
	putItem(t, "MKCALENDAR", radicale+"/bob/second/", "bob", strings.ReplaceAll(calendarBody, "Work", "Second"))
	putItem(t, "PUT", radicale+"/bob/second/x.ics", "bob", eventText("x", "X"))
	if out := h.must(0, "items", "latest~3", "Work", "--to", url, "--prune", "--dry-run").stdout; !strings.Contains(out, "own.ics: would be removed") || strings.Contains(out, "own.vcf") {
		t.Errorf("a dry run:\n%s", out)
	}
	if out := h.must(1, "items", "latest~3", "Work", "--to", url, "--prune").stderr; !strings.Contains(out, "nothing was changed") {
		t.Errorf("without a terminal:\n%s", out)
	}
	h.must(2, "items", "latest~3", "--name", "x", "--to", url, "--prune")
	if getItem(t, radicale+"/bob/office/own.ics", "bob") == "" {
		t.Error("an event is gone that nobody agreed to remove")
	}
	h.must(0, "items", "latest~3", "Work", "--to", url, "--prune", "--yes")
	for path, want := range map[string]bool{"office/own.ics": false, "office/e7.ics": true, "friends/own.vcf": true, "second/x.ics": true} {
		if got := getItem(t, radicale+"/bob/"+path, "bob") != ""; got != want {
			t.Errorf("%s is there: %t", path, got)
		}
	}
	h.must(0, "items", "latest~3", "--to", url, "--prune", "--yes")
	for path, want := range map[string]bool{"office/e7.ics": true, "friends/jo.vcf": true, "friends/own.vcf": false, "second/": false} {
		if got := getItem(t, radicale+"/bob/"+path, "bob") != ""; got != want {
			t.Errorf("%s is there: %t", path, got)
		}
	}
}

// TestCalendarsWithoutMail archives an account whose mail server refuses the password, has no
// password, and does not run. The calendar of each night is archived, with the mail of the last
// good one, and the exit status is that of an account that failed.
func TestCalendarsWithoutMail(t *testing.T) {
	t.Parallel()
	dovecot := startDovecot(t, testbed.DovecotOptions{Sieve: true})
	dovecot.Deliver("anna", "INBOX", testbed.Message{Body: "Subject: x\r\n\r\nx\r\n"})
	radicale := testbed.Radicale(t).URL
	calendar := radicale + "/anna/office/"
	putItem(t, "MKCALENDAR", calendar, "anna", calendarBody)
	h := newHost(t)
	h.onDirectory()
	h.configure("[[accounts]]", `name = "anna"`,
		fmt.Sprintf("url = %q", strings.Replace(accountURL("anna", dovecot.TLSAddr), "imap://", "imaps://", 1)), fmt.Sprintf("ca_file = %q", dovecot.CAFile),
		fmt.Sprintf("caldav = %q", strings.Replace(radicale, "//", "//anna@", 1)+"/"), fmt.Sprintf("sieve = %q", "sieve://anna@"+dovecot.Sieve),
		`dav_secret_env = "DAV_PASSWORD"`)
	h.set("DAV_PASSWORD", imapPassword)
	h.must(0, "backup")
	for night, test := range []struct {
		password string
		says     string
	}{
		{"wrong", "refused the same password"}, // by the mail server, so that of the scripts is not asked
		{"", "password"},
		{imapPassword, "refused"}, // the connection
	} {
		h.set("MAILSTRATA_IMAP_PASSWORD", test.password)
		if night == 2 {
			dovecot.Stop()
		}
		putItem(t, "PUT", fmt.Sprintf("%se%d.ics", calendar, night), "anna", eventText(fmt.Sprint("u", night), fmt.Sprint("Meeting ", night)))
		if out := h.must(1, "backup"); !strings.Contains(out.stderr, "the rest of the account is archived") || !strings.Contains(out.stderr, test.says) {
			t.Errorf("night %d:\n%s%s", night, out.stdout, out.stderr)
		}
		if items := h.must(0, "items", "latest", "Work").stdout; !strings.Contains(items, fmt.Sprintf("e%d.ics", night)) {
			t.Errorf("night %d:\n%s", night, items)
		}
	}
	if list := h.must(0, "list").stdout; strings.Count(list, "mail not read since") != 3 {
		t.Errorf("list:\n%s", list)
	}
	if status := h.must(3, "status").stdout; !strings.Contains(status, "mail not read since") {
		t.Errorf("status:\n%s", status)
	}
	to := filepath.Join(h.home, "restored")
	if out := h.must(0, "restore", "latest", "--to", "eml:"+to); !strings.Contains(out.stderr, "has the mail of an earlier one") {
		t.Errorf("restore:\n%s%s", out.stdout, out.stderr)
	}
	if found, err := filepath.Glob(filepath.Join(to, "INBOX", "*.eml")); err != nil || len(found) != 1 {
		t.Errorf("restored: %q, %v", found, err)
	}
	dovecot.Start()
	h.must(0, "backup")
	h.must(0, "status")
}

// TestCalendarsBeforeTheMail archives an account whose mail takes several days of budget. The
// calendar of the first day is archived, and each command says that there is no mail with it yet.
func TestCalendarsBeforeTheMail(t *testing.T) {
	t.Parallel()
	dovecot := startDovecot(t, testbed.DovecotOptions{})
	for i := range 6 {
		dovecot.Deliver("anna", "INBOX", testbed.Message{Body: fmt.Sprintf("Subject: %d\r\n\r\n%s\r\n", i, strings.Repeat("x y ", 5000))})
	}
	radicale := testbed.Radicale(t).URL
	putItem(t, "MKCALENDAR", radicale+"/anna/office/", "anna", calendarBody)
	putItem(t, "PUT", radicale+"/anna/office/e.ics", "anna", eventText("u", "Meeting"))
	h := newHost(t)
	h.onDirectory()
	h.configure("[[accounts]]", `name = "anna"`,
		fmt.Sprintf("url = %q", strings.Replace(accountURL("anna", dovecot.TLSAddr), "imap://", "imaps://", 1)), fmt.Sprintf("ca_file = %q", dovecot.CAFile),
		fmt.Sprintf("caldav = %q", strings.Replace(radicale, "//", "//anna@", 1)+"/"), `dav_secret_env = "DAV_PASSWORD"`)
	h.set("DAV_PASSWORD", imapPassword)
	h.must(0, "backup", "--budget-day", "30kB").says("the budget of 30000 bytes a day is used up")
	h.must(3, "status").says("no good night")
	h.must(0, "items", "latest").says("Work")
	none, some := filepath.Join(h.home, "none"), filepath.Join(h.home, "some")
	h.must(0, "restore", "latest", "--to", "eml:"+none).says("written before the mail was read as a whole, and has none", "restored 0 messages")
	checkpoint := regexp.MustCompile(`(?m)^([0-9a-f]{8}).*  checkpoint`).FindStringSubmatch(h.must(0, "list").stdout)
	if len(checkpoint) != 2 {
		t.Fatal("list shows no checkpoint")
	}
	if out := h.must(0, "restore", checkpoint[1], "--to", "eml:"+some); strings.Contains(out.stderr, "has none") || strings.Contains(out.stdout, "restored 0") {
		t.Errorf("restore of the checkpoint:\n%s%s", out.stdout, out.stderr)
	}
	h.must(0, "backup", "--budget-day", "unlimited")
	h.must(0, "status")
}
