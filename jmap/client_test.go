package jmap_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/internal/retry"
	"github.com/mailstrata/mailstrata/jmap"
	"github.com/mailstrata/mailstrata/jmap/internal/jmaptest"
	"github.com/mailstrata/mailstrata/mail"
)

func parse(t testing.TB, text string) jmap.URL {
	t.Helper()
	u, err := jmap.ParseURL(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// A URL is read as users write it and printed in one form; one with a password or a query is
// refused.
func TestURL(t *testing.T) {
	for text, want := range map[string]string{
		"jmap:https://anna@mail.example":                   "jmap:https://anna@mail.example",
		"JMAP:HTTPS://anna@Mail.Example:8443/":             "jmap:https://anna@mail.example:8443",
		"jmap:https://anna@mail.example@jmap.example/a%2F": "jmap:https://anna@mail.example@jmap.example/a%2F",
		"jmap:https://a%2Fb%20c@mail.example/jmap/":        "jmap:https://a%2Fb%20c@mail.example/jmap/",
		"jmap:https://anna@mail.example#Sales%20%23 1":     "jmap:https://anna@mail.example#Sales%20%23%201",
	} {
		if u := parse(t, text); u.String() != want || parse(t, want) != u {
			t.Errorf("%s is %s, want %s", text, u, want)
		}
	}
	for _, text := range []string{
		"jmap:", "jmap:https://", "jmap:https://mail.example", "jmap:https://anna:secret@mail.example", "jmap:imaps://anna@mail.example",
		"jmap:https://@mail.example", "jmap:https://anna@mail.example/?q=secret", "jmap:https://%zz@mail.example", "jmap:https://a%0a@mail.example",
		"jmap:https://anna@mail.example:99999999999x", "jmap:https://anna@mail.example#", "jmap:https://anna@mail.example#%zz", "jmap:https://anna@mail.example#a%0ab",
	} {
		if _, err := jmap.ParseURL(text); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// An account is named by its user, or by the shared account that the URL names.
func TestName(t *testing.T) {
	for text, want := range map[string]string{
		"jmap:https://anna@mail.example":              "anna@mail.example",
		"jmap:https://anna@mail.example#Sales":        "Sales@mail.example",
		"jmap:https://anna@mail.example#sales@a.test": "sales@a.test",
	} {
		if have := parse(t, text).Name(); have != want {
			t.Errorf("%s is %s, want %s", text, have, want)
		}
	}
}

// hosts answers for several hosts, and records which got the secret.
type hosts struct {
	answer func(w http.ResponseWriter, r *http.Request) bool
	got    map[string]bool
}

func (h *hosts) server() *jmaptest.Server {
	h.got = make(map[string]bool)
	s := jmaptest.New()
	s.Answer = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") != "" {
			h.got[r.URL.Scheme+"://"+r.URL.Host] = true
		}
		return h.answer(w, r)
	}
	return s
}

func session(w http.ResponseWriter, api, download string) bool {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	fmt.Fprintf(w, `{"capabilities":{"urn:ietf:params:jmap:core":{"maxCallsInRequest":0,"maxObjectsInGet":-1}},
		"accounts":{"a":{"accountCapabilities":{"urn:ietf:params:jmap:mail":{}}},"b":{"name":"team","accountCapabilities":{"urn:ietf:params:jmap:mail":{}}}},
		"primaryAccounts":{"urn:ietf:params:jmap:mail":"a"},"apiUrl":%q,"downloadUrl":%q,"uploadUrl":"up/{accountId}"}`, api, download)
	return true
}

// The secret goes to the named host, to those below it, and to those that the session names, over
// TLS. Every other place is an error that names it.
func TestWhoGetsTheSecret(t *testing.T) {
	redirect := func(to string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/.well-known/jmap" {
				http.Redirect(w, r, to, http.StatusMovedPermanently)
				return true
			}
			return session(w, "api", "https://files.example/{accountId}/{blobId}")
		}
	}
	with := func(api, download string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool { return session(w, api, download) }
	}
	const good = "https://mail.example/{accountId}/{blobId}"
	for name, test := range map[string]struct {
		url    string
		answer func(http.ResponseWriter, *http.Request) bool
		fails  string
	}{
		"relative":           {"https://anna@mail.example", with("/jmap", "/d/{accountId}/{blobId}"), ""},
		"elsewhere":          {"https://anna@mail.example", with("https://api.other.example/", good), ""},
		"below":              {"https://anna@mail.example", redirect("https://api.mail.example/session"), ""},
		"same host":          {"https://anna@mail.example", redirect("/jmap/session"), ""},
		"another host":       {"https://anna@mail.example", redirect("https://evil.example/session"), "jmap:https://USER@evil.example/session"},
		"looks alike":        {"https://anna@mail.example", redirect("https://evilmail.example/"), "another host"},
		"redirect down":      {"https://anna@mail.example", redirect("http://mail.example/"), "without TLS"},
		"loop":               {"https://anna@mail.example", redirect("/.well-known/jmap"), "redirects"},
		"api down":           {"https://anna@mail.example", with("http://mail.example/", good), "without TLS"},
		"download down":      {"https://anna@mail.example", with("/", "http://mail.example/{accountId}/{blobId}"), "without TLS"},
		"down to loopback":   {"https://anna@mail.example", with("http://127.0.0.1/", good), "without TLS"},
		"another scheme":     {"https://anna@mail.example", with("ftp://mail.example/", good), "no URL for HTTP"},
		"plain":              {"http://anna@mail.example", with("/", good), "without TLS"},
		"plain on loopback":  {"http://anna@127.0.0.1", with("/", "/{accountId}/{blobId}"), ""},
		"no blob":            {"https://anna@mail.example", with("/", "/{accountId}"), "downloadUrl"},
		"no apiUrl":          {"https://anna@mail.example", with("", good), "apiUrl"},
		"apiUrl that is odd": {"https://anna@mail.example", with("https://%zz/", good), "apiUrl"},
		"a page":             {"https://anna@mail.example", func(w http.ResponseWriter, _ *http.Request) bool { jmaptest.Page(w); return true }, "text/html"},
		"no mail": {"https://anna@mail.example", func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"apiUrl":"/"}`)
			return true
		}, "no account for mail"},
		"half a session": {"https://anna@mail.example", func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"apiUrl":`)
			return true
		}, "JSON"},
		"endless": {"https://anna@mail.example", func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(bytes.Repeat([]byte(" "), 5<<20))
			return true
		}, "more than"},
	} {
		h := &hosts{answer: test.answer}
		c := jmap.NewClient(jmap.Options{URL: parse(t, "jmap:"+test.url), Password: "secret", Transport: h.server()})
		s, err := c.Session(t.Context())
		switch {
		case test.fails == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.fails != "" && (err == nil || !strings.Contains(err.Error(), test.fails) || strings.Contains(err.Error(), "secret")):
			t.Errorf("%s: %v, want %q", name, err, test.fails)
		case err == nil && (s.Account != "a" || len(s.Others) != 1 || s.Limits.Calls <= 0 || s.Limits.Get <= 0 || s.Limits.Requests != 4):
			t.Errorf("%s: %+v", name, s)
		}
		for host := range h.got {
			if host != "https://mail.example" && host != "https://api.mail.example" && host != "http://127.0.0.1" {
				t.Errorf("%s: %s got the secret", name, host)
			}
		}
	}
}

// A blob has the size that the server gave, or the message is refused. It follows no redirect to
// another host.
func TestBlob(t *testing.T) {
	s := jmaptest.New()
	m := s.Add("Subject: a\r\n\r\nhello\r\n", "in")
	c := jmap.NewClient(jmap.Options{URL: parse(t, "jmap:https://anna@mail.example"), Token: func(context.Context) (string, error) { return "token", nil }, Transport: s})
	read := func(size int64) (string, error) {
		body, err := c.Download(t.Context(), "b"+m.ID, size)
		if err != nil {
			return "", err
		}
		defer body.Close()
		text, err := io.ReadAll(body)
		return string(text), err
	}
	if text, err := read(int64(len(m.Body))); err != nil || text != m.Body {
		t.Errorf("%q, %v", text, err)
	}
	for _, size := range []int64{0, int64(len(m.Body)) - 1, int64(len(m.Body)) + 1} {
		if text, err := read(size); !errors.Is(err, mail.ErrRefused) {
			t.Errorf("of %d bytes: %q, %v", size, text, err)
		}
	}
	s.Destroy(m)
	if _, err := read(1); !errors.Is(err, jmap.ErrNotFound) {
		t.Error(err)
	}
	s.Answer = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasPrefix(r.URL.Path, "/download/") {
			http.Redirect(w, r, "https://evil.example/x", http.StatusFound)
			return true
		}
		return r.URL.Host != "mail.example" && r.Header.Get("Authorization") != ""
	}
	if _, err := read(1); err == nil || !strings.Contains(err.Error(), "evil.example") {
		t.Error(err)
	}
}

// Errors say what happened and whether to try again, and when.
func TestErrors(t *testing.T) {
	for name, test := range map[string]struct {
		status    int
		after     string
		problem   string
		temporary bool
		login     bool
		wait      time.Duration
	}{
		"too many":    {429, "120", `{"type":"urn:ietf:params:jmap:error:limit","limit":"maxConcurrentRequests"}`, true, false, 2 * time.Minute},
		"for days":    {503, "999999", ``, true, false, 30 * time.Minute},
		"odd":         {503, "soon", `<html>`, true, false, 0},
		"negative":    {503, "-5", ``, true, false, 0},
		"a past date": {503, "Sun, 06 Nov 1994 08:49:37 GMT", ``, true, false, 0},
		"login":       {401, "", `{"detail":"no"}`, false, true, 0},
		"bad":         {400, "", `{"type":"urn:ietf:params:jmap:error:notRequest","detail":"what?"}`, false, false, 0},
		"moved":       {302, "", ``, false, false, 0},
	} {
		s := jmaptest.New()
		s.Answer = func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/api" {
				return false
			}
			if test.after != "" {
				w.Header().Set("Retry-After", test.after)
			}
			w.WriteHeader(test.status)
			_, _ = io.WriteString(w, test.problem)
			return true
		}
		c := jmap.NewClient(jmap.Options{URL: parse(t, "jmap:https://anna@mail.example"), Password: "secret", Transport: s})
		err := c.One(t.Context(), "Email/get", nil, nil)
		if err == nil || errors.Is(err, mail.ErrTemporary) != test.temporary || errors.Is(err, mail.ErrRefused) == test.temporary ||
			errors.Is(err, jmap.ErrLogin) != test.login || retry.Suggested(err) != test.wait {
			t.Errorf("%s: %v, waits %v", name, err, retry.Suggested(err))
		}
	}
	for _, name := range []string{"serverUnavailable", "serverFail", "rateLimit"} {
		if err := (&jmap.Error{Type: name}); !errors.Is(err, mail.ErrTemporary) || errors.Is(err, mail.ErrRefused) {
			t.Error(name)
		}
	}
}

// An answer that leaves calls out, or is no answer, is an error, and never an empty result.
func TestAnswers(t *testing.T) {
	for _, answer := range []string{
		``, `null`, `{}`, `[]`, `{"methodResponses":[]}`, `{"methodResponses":[["Email/get",{}]]}`, `{"methodResponses":[["Email/get",{},"c1"]]}`,
		`{"methodResponses":[["Mailbox/get",{},"c0"]]}`, `{"methodResponses":[["Email/get",[],"c0"]]}`, `{"methodResponses":[["error",{"type":"x"},"c0"]]}`,
		`{"methodResponses":[["error",3,"c0"]]}`, `{"methodResponses":[["Email/get",{"list":[{"id":7}]},"c0"]]}`, `{"methodResponses":[["Email/get",{"list":[{"keywords":[]}]},"c0"]]}`,
	} {
		s := jmaptest.New()
		s.Answer = func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Type", "application/json")
			if r.URL.Path == "/api" {
				_, _ = io.WriteString(w, answer)
			}
			return r.URL.Path == "/api"
		}
		c := jmap.NewClient(jmap.Options{URL: parse(t, "jmap:https://anna@mail.example"), Transport: s})
		var got jmap.Got[jmap.Email]
		if err := c.One(t.Context(), "Email/get", nil, &got); !errors.Is(err, mail.ErrRefused) {
			t.Errorf("%s: %v", answer, err)
		}
	}
}

// A token is read once for many requests, and again when the server refuses it after a while.
func TestToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, reads, valid := jmaptest.New(), 0, "token1"
		s.Answer = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("Authorization") == "Bearer "+valid {
				return false
			}
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		token := func(context.Context) (string, error) { reads++; return fmt.Sprint("token", reads), nil }
		c := jmap.NewClient(jmap.Options{URL: parse(t, "jmap:https://anna@mail.example"), Token: token, Transport: s})
		ask := func() error { return c.One(t.Context(), "Mailbox/get", nil, nil) }
		for range 5 {
			if err := ask(); err != nil || reads != 1 {
				t.Fatalf("%v after %d tokens", err, reads)
			}
		}
		time.Sleep(2 * time.Minute)
		valid = "token2"
		if err := ask(); !errors.Is(err, mail.ErrTemporary) {
			t.Error(err)
		}
		if err := ask(); err != nil || reads != 2 {
			t.Errorf("%v after %d tokens", err, reads)
		}
		valid = "other"
		if err := ask(); !errors.Is(err, jmap.ErrLogin) || errors.Is(err, mail.ErrTemporary) {
			t.Error(err)
		}
	})
}

// Flags become keywords of JMAP and back, and those that it cannot have are returned. Dates have
// whole seconds.
func TestKeywords(t *testing.T) {
	keywords, left := jmap.Keywords(mail.NewFlags(`\Seen`, `\Answered`, `\Deleted`, "work", "foo[bar]", "a b", `$Forwarded`))
	if fmt.Sprint(keywords) != "[$forwarded work $answered $seen]" && len(keywords) != 4 || fmt.Sprint(left) != `[\Deleted a b foo[bar]]` {
		t.Errorf("%q, left %q", keywords, left)
	}
	if back := jmap.Flags([]string{"$seen", "$draft", "$flagged", "$answered", "x"}); !back.Equal(mail.NewFlags(`\Seen`, `\Draft`, `\Flagged`, `\Answered`, "x")) {
		t.Errorf("%q", back)
	}
	for text, want := range map[string]string{"2026-03-08T13:30:00Z": "2026-03-08T13:30:00Z", "2026-03-08T13:30:00.75Z": "2026-03-08T13:30:00Z", "soon": ""} {
		if have := jmap.FormatDate(jmap.ParseDate(text)); have != want {
			t.Errorf("%s is %s", text, have)
		}
	}
}
