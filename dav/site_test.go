package dav

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/mailstrata/mailstrata/collection"
)

func TestSameSite(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"caldav.icloud.com", "p42-caldav.icloud.com", true},
		{"dav.mail.example", "DAV.mail.example.", true},
		{"mail.example", "dav.mail.example", true},
		{"anna.github.io", "evil.github.io", false}, // customers of one host
		{"example.co.uk", "other.co.uk", false},
		{"icloud.com", "icloud.com.evil.example", false},
		{"127.0.0.1", "10.0.0.1", false},
		{"127.0.0.1", "127.0.0.1", true},
		{"localhost", "mail", false},
		{"com", "example.com", false},
		{"", "", false},
	} {
		if got := SameSite(test.a, test.b); got != test.want {
			t.Errorf("%s, %s: %t", test.a, test.b, got)
		}
	}
}

// TestHostsOfOneSite follows a server to another host of its own, as iCloud leads to the host of
// the user, and reads and stores there. A host of another site, or another port, gets no request,
// also if the first host leads there.
func TestHostsOfOneSite(t *testing.T) {
	for home, wants := range map[string]string{
		"https://p42.cloud.example:443/jo/": "",
		"https://p42.cloud.example/jo/":     "",
		"https://p42.evil.example/jo/":      "evil.example",
		"https://p42.cloud.example:8443/":   "8443",
		"http://p42.cloud.example/jo/":      "http://",
	} {
		var mu sync.Mutex
		var hosts, stored []string
		server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			hosts = append(hosts, r.Host)
			if _, password, _ := r.BasicAuth(); password != "pw" {
				t.Errorf("a request to %s without the login", r.Host)
			}
			answer := ""
			switch {
			case r.Method == "PUT":
				stored = append(stored, r.Host+r.URL.Path)
				w.WriteHeader(http.StatusCreated)
				return
			case strings.HasPrefix(r.Host, "caldav."):
				answer = props(r.URL.Path, "<C:calendar-home-set><href>"+home+"</href></C:calendar-home-set>")
			case r.URL.Path == "/jo/":
				answer = props("/jo/", "<resourcetype><collection/></resourcetype>") + props("/jo/office/", calendarType)
			default:
				answer = props("/jo/office/", calendarType) + props("/jo/office/a.ics", "<getetag>1</getetag>")
			}
			w.WriteHeader(http.StatusMultiStatus)
			_, _ = w.Write([]byte(multi(answer)))
		}))
		u := &url.URL{Scheme: "https", User: url.User("jo"), Host: "caldav.cloud.example"}
		c := New(collection.Calendars, Options{
			URL: u, Password: func(context.Context) (string, error) { return "pw", nil }, TLS: &tls.Config{InsecureSkipVerify: true},
		})
		c.http.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
		}
		_, all, err := c.Open(t.Context())
		if wants != "" {
			if err == nil || !strings.Contains(err.Error(), wants) || strings.Contains(strings.Join(hosts, " "), "p42") {
				t.Errorf("%s: %+v, %v, requests to %q", home, all, err, hosts)
			}
		} else {
			mustRead(t, c, all, err)
			if len(stored) != 1 || !strings.HasPrefix(stored[0], "p42.cloud.example") {
				t.Errorf("%s: an item is stored at %q", home, stored)
			}
		}
		c.Close()
		server.Close()
	}
}

// mustRead lists a calendar and stores an item in it.
func mustRead(t *testing.T, c *Client, all []collection.Collection, err error) {
	t.Helper()
	if err != nil || len(all) != 1 || all[0].Path != "/jo/office/" {
		t.Fatalf("%+v, %v", all, err)
	}
	if l, err := c.List(t.Context(), all[0], ""); err != nil || len(l.Items) != 1 {
		t.Errorf("%+v, %v", l, err)
	}
	item := collection.Item{Listed: collection.Listed{Name: "b.ics"}, Content: []byte("x")}
	if err := c.Put(t.Context(), all[0], item, nil); err != nil {
		t.Error(err)
	}
}
