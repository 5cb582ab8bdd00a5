package doctor

import (
	"context"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/discover"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// davServer is a CalDAV server for each name below example.com. Clients reach it through a proxy,
// and trust its certificate.
type davServer struct {
	mu     sync.Mutex
	logins []string // host, and the password
}

func (s *davServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	s.mu.Lock()
	s.logins = append(s.logins, r.Host+" "+user+" "+password)
	s.mu.Unlock()
	if password != "secret" {
		w.Header().Set("WWW-Authenticate", "Basic")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	answer := `<response><href>/dav/</href><propstat><prop><resourcetype><collection/></resourcetype></prop><status>HTTP/1.1 200 OK</status></propstat></response>`
	if r.Header.Get("Depth") == "1" {
		answer += `<response><href>/dav/office/</href><propstat><prop><displayname>Office</displayname><resourcetype><collection/><C:calendar/></resourcetype></prop>` +
			`<status>HTTP/1.1 200 OK</status></propstat></response>`
	}
	w.WriteHeader(http.StatusMultiStatus)
	_, _ = io.WriteString(w, `<multistatus xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">`+answer+`</multistatus>`)
}

// proxy leads every connection to the server.
func proxy(to string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		server, err := net.Dial("tcp", to)
		if err != nil || r.Method != http.MethodConnect {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer server.Close()
		client, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer client.Close()
		_, _ = io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(server, client); server.Close() }()
		_, _ = io.Copy(client, server)
	})
}

var atExampleCom = new(davServer)

// TestMain sets what Go reads once for a process: the proxy, and the certificates of the system.
func TestMain(m *testing.M) {
	server := httptest.NewTLSServer(atExampleCom) // its certificate is for *.example.com
	dir, err := os.MkdirTemp("", "doctor-*")
	if err != nil {
		panic(err)
	}
	certificate := filepath.Join(dir, "certificate.pem")
	err = os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600)
	if err != nil {
		panic(err)
	}
	os.Setenv("SSL_CERT_FILE", certificate)
	os.Setenv("HTTPS_PROXY", httptest.NewServer(proxy(server.Listener.Addr().String())).URL)
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// records answers questions about one SRV record of caldavs.
func records(t *testing.T, domain, target string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, from, err := conn.ReadFrom(buffer)
			var m dnsmessage.Message
			if err != nil || m.Unpack(buffer[:n]) != nil {
				return
			}
			m.Header = dnsmessage.Header{ID: m.ID, Response: true, RCode: dnsmessage.RCodeNameError}
			m.Additionals = nil
			header := dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET, TTL: 60}
			switch q := m.Questions[0]; {
			case !strings.EqualFold(q.Name.String(), "_caldavs._tcp."+domain+"."):
			case q.Type == dnsmessage.TypeSRV:
				body := &dnsmessage.SRVResource{Target: dnsmessage.MustNewName(target + "."), Port: 443}
				m.RCode, m.Answers = dnsmessage.RCodeSuccess, []dnsmessage.Resource{{Header: header, Body: body}}
			case q.Type == dnsmessage.TypeTXT:
				body := &dnsmessage.TXTResource{TXT: []string{"path=/dav/"}}
				m.RCode, m.Answers = dnsmessage.RCodeSuccess, []dnsmessage.Resource{{Header: header, Body: body}}
			}
			if packed, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(packed, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// TestOffers finds the calendars of a mail account by DNS, and logs in to the site of the mail
// server alone.
func TestOffers(t *testing.T) {
	for _, test := range []struct {
		name, mail, password string
		finding, advice      string // "": nothing is found
		login                bool   // the server gets the password
	}{
		{"the site of the mail server", "imap.example.com", "secret", `1 calendar, "Office" at dav.example.com`, `caldav = "https://anna@dav.example.com/dav/"`, true},
		{"another password", "imap.example.com", "other", "does not accept the login", "caldav = ", true},
		{"another site", "imap.provider.example", "secret", "of another site than the mail server", "caldav = ", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			atExampleCom.logins = nil
			environment := map[string]string{"HOME": t.TempDir(), "MAILSTRATA_IMAP_PASSWORD": test.password}
			host := access.NewHost(new(ui.Output), io.Discard, func(name string) string { return environment[name] })
			a, err := access.ParseAccount("imaps://anna@" + test.mail)
			if err != nil {
				t.Fatal(err)
			}
			a.Configured.Sieve, a.Configured.CardDAV = "sieve://there", "https://there"
			e := &findings{subject: a.Name}
			found := e.offers(t.Context(), host, a, new(access.AccountFlags), &discover.Finder{Resolver: records(t, test.mail, "dav.example.com")})
			if len(found) != 1 || found[0].Status != OK || !strings.Contains(found[0].Finding, test.finding) || !strings.Contains(found[0].Advice, test.advice) {
				t.Errorf("%+v", found)
			}
			if got := strings.Contains(strings.Join(atExampleCom.logins, "\n"), "dav.example.com anna "+test.password); got != test.login {
				t.Errorf("logins: %q", atExampleCom.logins)
			}
		})
	}
}
