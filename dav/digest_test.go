package dav

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/mailstrata/mailstrata/collection"
)

// TestDigestExamples has the examples of RFC 7616 section 3.9.1.
func TestDigestExamples(t *testing.T) {
	field := func(algorithm string) string {
		return `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=` + algorithm +
			`, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
	}
	const cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
	for algorithm, want := range map[string]string{
		"MD5":     "8ca523f5e9506fed4657c9700eebdbec",
		"SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
	} {
		d := digestOf([]string{field(algorithm)})
		if d == nil {
			t.Fatalf("%s is not understood", algorithm)
		}
		got := d.authorize("Mufasa", "Circle of Life", "GET", "/dir/index.html", cnonce)
		if !strings.Contains(got, `response="`+want+`"`) || !strings.Contains(got, "nc=00000001") {
			t.Errorf("%s: %s", algorithm, got)
		}
	}
	if d := digestOf([]string{`Basic realm="x", ` + field("MD5"), field("SHA-256")}); d == nil || d.algorithm != "SHA-256" {
		t.Errorf("of two challenges the weaker one is taken: %+v", d)
	}
	for _, none := range []string{`Basic realm="Digest"`, `Digest realm="x"`, field("MD5-sess"), field("X"), `Digest nonce="x", qop="auth-int"`, `Digest nonce="x`} {
		if d := digestOf([]string{none}); d != nil {
			t.Errorf("%s: %+v", none, d)
		}
	}
}

// digestServer wants a hash of the password, and a new nonce after three requests.
type digestServer struct {
	t      *testing.T
	mu     sync.Mutex
	nonce  int
	counts map[string]bool // nonce and count, each used once
	served int
}

func (s *digestServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	nonce := fmt.Sprint("n", s.nonce)
	stale := "false"
	if c := challenges(r.Header.Get("Authorization")); len(c) == 1 && c[0].scheme == "Digest" {
		p := c[0].params
		d := &digest{realm: "a \"realm\"", nonce: p["nonce"], algorithm: "SHA-256", qop: true}
		if _, err := fmt.Sscanf(p["nc"], "%x", &d.count); err != nil {
			s.t.Error(err)
		}
		d.count--
		right := strings.Contains(d.authorize("jo", "pw", r.Method, r.URL.RequestURI(), p["cnonce"]), `response="`+p["response"]+`"`)
		used := p["nonce"] + " " + p["nc"]
		if s.counts[used] {
			s.t.Errorf("the count %s is used twice", used)
		}
		s.counts[used] = true
		switch {
		case right && p["nonce"] == nonce:
			if s.served++; s.served%3 == 0 {
				s.nonce++
			}
			w.Header().Set("ETag", `"1"`)
			_, _ = w.Write([]byte("BEGIN:VCALENDAR"))
			return
		case right:
			stale = "true"
		}
	}
	w.Header().Add("WWW-Authenticate", fmt.Sprintf(`Digest realm="a \"realm\"", qop=auth, algorithm=SHA-256, nonce=%q, stale=%s`, nonce, stale))
	w.WriteHeader(http.StatusUnauthorized)
}

// TestDigest reads items from a server that wants a hash of the password and changes its nonce, and
// refuses another password at once.
func TestDigest(t *testing.T) {
	for password, wants := range map[string]bool{"pw": true, "other": false} {
		s := &digestServer{t: t, counts: make(map[string]bool)}
		server := httptest.NewServer(s)
		u, err := url.Parse(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.User("jo")
		c := New(collection.Calendars, Options{URL: u, AllowPlaintext: true, Password: func(context.Context) (string, error) { return password, nil }})
		c.pace.limit = 1 // so that no more than one request has an old nonce
		var list []collection.Listed
		for i := range 10 {
			list = append(list, collection.Listed{Name: fmt.Sprint(i, ".ics")})
		}
		err = c.Read(t.Context(), work, list, func(it collection.Item, err error) error {
			if (err == nil) != wants || !wants && statusOfError(err) != http.StatusUnauthorized {
				t.Errorf("%s with the password %s: %v", it.Name, password, err)
			}
			return nil
		})
		if err != nil || wants && s.served != 10 {
			t.Errorf("%d items, %v", s.served, err)
		}
		c.Close()
		server.Close()
	}
}

// TestToken checks that a token is sent in place of a password, and that a server that refuses it
// is not asked again.
func TestToken(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Authorization"))
		w.Header().Set("WWW-Authenticate", `Digest realm="x", nonce="n", qop="auth"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer server.Close()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User("jo")
	c := New(collection.Calendars, Options{
		URL: u, AllowPlaintext: true,
		Password: func(context.Context) (string, error) { return "", fmt.Errorf("nobody asks for it") },
		Token:    func(context.Context) (string, error) { return "t0ken", nil },
	})
	defer c.Close()
	if _, err := c.List(t.Context(), work, ""); statusOfError(err) != http.StatusUnauthorized || !strings.Contains(err.Error(), "scope") {
		t.Error(err)
	}
	if len(got) != 1 || got[0] != "Bearer t0ken" {
		t.Errorf("%q", got)
	}
}

// FuzzChallenges checks that any field can be parsed, and that what is quoted is read back.
func FuzzChallenges(f *testing.F) {
	f.Add(`Basic realm="x", Digest nonce="a\"b", qop=auth`)
	f.Add("Negotiate, Digest")
	f.Fuzz(func(t *testing.T, field string) {
		_ = digestOf([]string{field})
		if strings.ContainsAny(field, "\r\n") {
			return
		}
		all := challenges("Digest nonce=" + quoted(field))
		if len(all) != 1 || all[0].params["nonce"] != field {
			t.Errorf("%q became %+v", field, all)
		}
	})
}
