package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed"
)

// TestWrongServersOfItems archives an account whose calendars, address books and scripts have wrong
// URLs. Each is a failure of its own, with its name: the mail, the sources beside it and what was
// archived of it before stay.
func TestWrongServersOfItems(t *testing.T) {
	t.Parallel()
	dovecot := startDovecot(t, testbed.DovecotOptions{Sieve: true})
	dovecot.Deliver("anna", "INBOX", testbed.Message{Body: "Subject: x\r\n\r\nx\r\n"})
	radicale := testbed.Radicale(t).URL
	putItem(t, "MKCALENDAR", radicale+"/anna/office/", "anna", calendarBody)
	putItem(t, "PUT", radicale+"/anna/office/e.ics", "anna", eventText("u", "Meeting"))
	nothing := httptest.NewServer(http.NotFoundHandler())
	defer nothing.Close()
	withUser := func(url string) string { return strings.Replace(url, "//", "//anna@", 1) }
	good, scripts := withUser(radicale)+"/", "sieve://anna@"+dovecot.Sieve

	h := newHost(t)
	h.onDirectory()
	configure := func(caldav, carddav, sieve string) {
		h.configure("[[accounts]]", `name = "anna"`,
			fmt.Sprintf("url = %q", strings.Replace(accountURL("anna", dovecot.TLSAddr), "imap://", "imaps://", 1)), fmt.Sprintf("ca_file = %q", dovecot.CAFile),
			fmt.Sprintf("caldav = %q\ncarddav = %q\nsieve = %q", caldav, carddav, sieve))
	}
	for i, test := range []struct{ caldav, carddav, sieve, says string }{
		{strings.Replace(good, "http", "htp", 1), good, scripts, "it does not begin with https://"},
		{good, good, "sieve://", "it names no host"},
		{withUser(nothing.URL) + "/", good, scripts, "404"},
		{good, "https://anna@dav.invalid/", scripts, "dav.invalid"},
		{good, good, "sieve://anna@127.0.0.1:1", "refused"},
		{good, "https://anna:pw-that-nobody-sees@dav.example/", scripts, "contains a password"},
	} {
		configure(test.caldav, test.carddav, test.sieve)
		dovecot.Deliver("anna", "INBOX", testbed.Message{Body: fmt.Sprintf("Subject: x%d\r\n\r\nx\r\n", i)})
		out := h.must(3, "backup")
		if strings.Count(out.stderr, "mailstrata: anna: ") != 1 || !strings.Contains(out.stderr, test.says) || strings.Contains(out.stdout+out.stderr, "nobody-sees") {
			t.Errorf("%+v:\n%s%s", test, out.stdout, out.stderr)
		}
		if strings.Contains(out.stderr, "some messages") || !strings.Contains(out.stderr, "not everything could be read") {
			t.Errorf("%+v: every message was read:\n%s", test, out.stderr)
		}
		items := h.must(0, "items", "--json").stdout
		if strings.Contains(items, `"Work"`) != (i > 0) { // archived on the second night, and not lost by the later ones
			t.Errorf("%+v: items\n%s", test, items)
		}
		if n := strings.Count(h.must(0, "ls", "latest", "INBOX").stdout, "x"); n < i+2 {
			t.Errorf("%+v: %d messages", test, n)
		}
	}
	if out := h.must(1, "doctor"); !strings.Contains(out.stdout, "contains a password") {
		t.Errorf("doctor:\n%s", out.stdout)
	}
	configure(good, good, scripts)
	h.must(0, "backup")
}
