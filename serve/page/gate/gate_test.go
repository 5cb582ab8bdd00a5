package gate_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/serve/page/gate"
)

const host = "127.0.0.1:8143"

// gated is a Gate with pages "", "public" and "open", which say what they are.
type gated struct {
	*gate.Gate
	t       *testing.T
	handler http.Handler
}

func newGated(t *testing.T) *gated {
	g := gate.New(gate.Options{
		Host: func(h string) bool { return h == host }, Password: []byte("secret"),
		Access: func(path string) gate.Access {
			return map[string]gate.Access{"public": gate.Public, "open": gate.Open}[path]
		},
		Show: func(w http.ResponseWriter, status int, n gate.Notice) {
			w.WriteHeader(status)
			fmt.Fprintf(w, "notice login=%v continue=%v", n.Login, n.Continue)
		},
	})
	pages := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "page ", r.URL.Path) })
	return &gated{g, t, g.Wrap(pages)}
}

// ask asks for a path as a browser does. Fields are pairs; an empty value removes a field.
func (g *gated) ask(method, path, body string, fields ...string) *http.Response {
	r := httptest.NewRequest(method, "http://"+host+path, strings.NewReader(body))
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(fields); i += 2 {
		switch name, value := fields[i], fields[i+1]; {
		case name == "Host":
			r.Host = value
		case value == "":
			r.Header.Del(name)
		default:
			r.Header.Set(name, value)
		}
	}
	w := httptest.NewRecorder()
	g.handler.ServeHTTP(w, r)
	return w.Result()
}

// must requires a status, and a text in the answer.
func (g *gated) must(what string, r *http.Response, status int, text string) {
	g.t.Helper()
	body, _ := io.ReadAll(r.Body)
	if r.StatusCode != status || !strings.Contains(string(body), text) {
		g.t.Errorf("%s: %d %q, want %d %q", what, r.StatusCode, body, status, text)
	}
}

// login logs in, and returns the field with the cookie.
func (g *gated) login() (name, value string) {
	g.t.Helper()
	answer := g.ask("GET", g.Link(), "")
	if len(answer.Cookies()) != 1 {
		g.t.Fatalf("%d cookies", len(answer.Cookies()))
	}
	c := answer.Cookies()[0]
	return "Cookie", c.Name + "=" + c.Value
}

func TestALinkLogsInOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGated(t)
		link := g.Link()
		first := g.ask("GET", link, "", "Sec-Fetch-Site", "cross-site")
		g.must("the first time", first, 200, "continue=true")
		c := first.Cookies()[0]
		if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != g.Prefix() || c.Domain != "" {
			t.Errorf("the cookie is %v", c)
		}
		g.must("a page", g.ask("GET", g.Prefix(), "", "Cookie", c.Name+"="+c.Value), 200, "page /")
		again := g.ask("GET", link, "")
		g.must("the second time", again, 403, "login=true")
		if len(again.Cookies()) > 0 {
			t.Error("the second time there is a cookie")
		}
		old := g.Link()
		time.Sleep(15 * time.Minute)
		g.must("an old link", g.ask("GET", old, ""), 403, "login=true")
		g.must("no token", g.ask("GET", g.Prefix()+"open", ""), 403, "login=true")
		ahead := g.Link()
		g.must("a link that is loaded ahead", g.ask("GET", ahead, "", "Sec-Purpose", "prefetch;prerender"), 503, "")
		g.must("then opened", g.ask("GET", ahead, ""), 200, "continue=true")
	})
}

func TestThePasswordLogsIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGated(t)
		path := g.Prefix() + gate.LoginPath
		g.must("the password", g.ask("POST", path, "password=secret", "Origin", "http://"+host), 200, "continue=true")
		g.must("from a page without referrers", g.ask("POST", path, "password=secret", "Origin", "null"), 200, "continue=true")
		begin := time.Now()
		for _, wrong := range []string{"password=", "password=Secret", "x=secret", strings.Repeat("password=secret&", 1000)} {
			answer := g.ask("POST", path, wrong)
			g.must(wrong[:min(len(wrong), 20)], answer, 403, "login=true")
			if len(answer.Cookies()) > 0 {
				t.Error("a wrong password gives a cookie")
			}
		}
		if took := time.Since(begin); took < 4*time.Second {
			t.Errorf("4 wrong passwords took %v", took)
		}
		g.must("in the address", g.ask("POST", path+"?password=secret", "x=y"), 403, "")
		for _, fields := range [][]string{
			{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "none"}, {"Sec-Fetch-Site", ""},
			{"Origin", "http://evil.example"}, {"Origin", "http://127.0.0.1:8144"}, {"Origin", "null", "Sec-Fetch-Site", "cross-site"},
		} {
			g.must(fmt.Sprint(fields), g.ask("POST", path, "password=secret", fields...), 403, "another page")
		}
	})
}

// Nothing but a page of this server, or the person, gets anything.
func TestOthersAreRefused(t *testing.T) {
	g := newGated(t)
	name, cookie := g.login()
	for _, c := range []struct {
		what   string
		method string
		path   string
		status int
		fields []string
	}{
		{"the person", "GET", g.Prefix(), 200, []string{name, cookie, "Sec-Fetch-Site", "none"}},
		{"a page", "GET", g.Prefix() + "x", 200, []string{name, cookie}},
		{"no cookie", "GET", g.Prefix(), 401, nil},
		{"another cookie", "GET", g.Prefix(), 401, []string{name, "mailstrata=AAAAAAAAAAAAAAAAAAAAAAAAAA"}},
		{"two cookies", "GET", g.Prefix(), 200, []string{name, "mailstrata=x; " + cookie}},
		{"another host", "GET", g.Prefix(), 421, []string{name, cookie, "Host", "evil.example:8143"}},
		{"another port", "GET", g.Prefix(), 421, []string{name, cookie, "Host", "127.0.0.1:80"}},
		{"no prefix", "GET", "/", 404, []string{name, cookie}},
		{"half a prefix", "GET", g.Prefix()[:10] + "/", 404, []string{name, cookie}},
		{"another page", "GET", g.Prefix(), 403, []string{name, cookie, "Sec-Fetch-Site", "cross-site"}},
		{"another port of the host", "GET", g.Prefix(), 403, []string{name, cookie, "Sec-Fetch-Site", "same-site"}},
		{"an old browser", "GET", g.Prefix(), 403, []string{name, cookie, "Sec-Fetch-Site", ""}},
		{"another origin", "GET", g.Prefix(), 403, []string{name, cookie, "Origin", "http://localhost:8143"}},
		{"HEAD", "HEAD", g.Prefix(), 405, []string{name, cookie}},
		{"POST", "POST", g.Prefix(), 405, []string{name, cookie}},
		{"DELETE", "DELETE", g.Prefix() + "login", 405, []string{name, cookie}},
		{"OPTIONS", "OPTIONS", g.Prefix(), 405, []string{name, cookie}},
		{"public", "GET", g.Prefix() + "public", 200, nil},
		{"public from elsewhere", "GET", g.Prefix() + "public", 403, []string{"Sec-Fetch-Site", "cross-site"}},
		{"a link from elsewhere as an image", "GET", g.Link(), 403, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Dest", "image", "Sec-Fetch-Mode", "no-cors"}},
		{"a link from elsewhere in a frame", "GET", g.Link(), 403, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Dest", "iframe"}},
	} {
		answer := g.ask(c.method, c.path, "", c.fields...)
		g.must(c.what, answer, c.status, "")
		for field, want := range map[string]string{
			"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Dns-Prefetch-Control": "off", "X-Content-Type-Options": "nosniff",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := answer.Header.Get(field); got != want {
				t.Errorf("%s: %s is %q", c.what, field, got)
			}
		}
		if policy := answer.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "script") {
			t.Errorf("%s: the policy is %q", c.what, policy)
		}
	}
}

func TestSessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGated(t)
		name, cookie := g.login()
		for range 5 {
			time.Sleep(29 * time.Minute)
			g.must("while it is used", g.ask("GET", g.Prefix(), "", name, cookie), 200, "page")
		}
		time.Sleep(30 * time.Minute)
		g.must("after half an hour", g.ask("GET", g.Prefix(), "", name, cookie), 401, "login=true")
		name, cookie = g.login()
		for range 16 {
			time.Sleep(time.Second)
			g.login()
		}
		g.must("after 16 others", g.ask("GET", g.Prefix(), "", name, cookie), 401, "login=true")
	})
}
