package provider

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// fakeDNS has records by domain.
type fakeDNS struct {
	mx  map[string]string
	srv map[string]net.SRV
	a   []string // hosts with an address
}

func (d fakeDNS) LookupHost(_ context.Context, host string) ([]string, error) {
	if slices.Contains(d.a, host) {
		return []string{"192.0.2.1"}, nil
	}
	return nil, errors.New("no such host")
}

func (d fakeDNS) LookupMX(_ context.Context, domain string) ([]*net.MX, error) {
	if host, ok := d.mx[domain]; ok {
		return []*net.MX{{Host: host}}, nil
	}
	return nil, errors.New("no such domain")
}

func (d fakeDNS) LookupSRV(_ context.Context, service, proto, domain string) (string, []*net.SRV, error) {
	if record, ok := d.srv[domain]; ok && service == "imaps" && proto == "tcp" {
		return "", []*net.SRV{&record}, nil
	}
	return "", nil, errors.New("no such domain")
}

// Guess suggests a host only within the domain, and asks nothing about domains that no server can
// have.
func TestGuess(t *testing.T) {
	f := Finder{Resolver: fakeDNS{a: []string{"imap.corp.org", "mail.corp.org", "mail.home.arpa", "mail.mail.example", "www.only.org"}}}
	for address, want := range map[string]string{
		"anna@corp.org": "imap.corp.org", "anna@CORP.org.": "imap.corp.org", "anna@home.arpa": "mail.home.arpa",
		"anna@only.org": "", "anna@mail.example": "", "anna": "", "anna@corp.org/x": "",
	} {
		if got := f.Guess(t.Context(), address); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}

const published = `<?xml version="1.0"?><clientConfig version="1.1"><emailProvider id="corp.org"><domain>corp.org</domain>
<incomingServer type="pop3"><hostname>pop.corp.org</hostname><port>995</port><socketType>SSL</socketType></incomingServer>
<incomingServer type="imap"><hostname>plain.corp.org</hostname><port>143</port><socketType>plain</socketType></incomingServer>
<incomingServer type="imap"><hostname>IMAP.corp.org</hostname><port>993</port><socketType>SSL</socketType>
<username>%EMAILLOCALPART%</username><authentication>OAuth2</authentication><authentication>password-cleartext</authentication>
</incomingServer></emailProvider><oAuth2><issuer>corp.org</issuer><scope>mail offline_access</scope>
<authURL>https://id.corp.org/auth</authURL><tokenURL>https://id.corp.org/token</tokenURL></oAuth2></clientConfig>`

// finder answers for a domain with autoconfig, and knows some records. Requests that are not HTTPS
// fail the test.
func finder(t *testing.T) *Finder {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Host == "autoconfig.corp.org" && r.URL.Path == "/mail/config-v1.1.xml":
			_, _ = w.Write([]byte(published))
		case r.Host == "plain.org":
			http.Redirect(w, r, "http://plain.org/config", http.StatusFound)
		default:
			http.NotFound(w, r)
		}
		if r.URL.RawQuery != "" {
			t.Errorf("the request has %s", r.URL.RawQuery)
		}
	}))
	t.Cleanup(server.Close)
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if !strings.HasSuffix(address, ":443") {
				t.Errorf("a connection to %s", address)
			}
			return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
		},
	}
	return &Finder{HTTP: transport, Resolver: fakeDNS{
		mx: map[string]string{"own.org": "aspmx.l.google.com.", "firm.org": "firm-org.mail.protection.outlook.com.", "corp.org": "mx.corp.org"},
		srv: map[string]net.SRV{
			"moved.org": {Target: "imap.elsewhere.net.", Port: 993},
			"srv.org":   {Target: "mail.srv.org.", Port: 1993}, "none.org": {Target: ".", Port: 0}, "evil.org": {Target: "\x1b[31m.", Port: 993},
		},
	}}
}

// An attacker who forges DNS can name a host of another domain, but none of this one that has its
// certificate.
func TestForgeable(t *testing.T) {
	f := finder(t)
	for address, want := range map[string]bool{"anna@moved.org": true, "anna@srv.org": false, "anna@corp.org": false, "anna@own.org": false} {
		if p := f.Find(t.Context(), address); p == nil || p.Forgeable != want {
			t.Errorf("%s: %+v", address, p)
		}
	}
}

// The server of an address is that of its domain: of the provider that its MX names, of autoconfig
// over TLS, or of its SRV record.
func TestFind(t *testing.T) {
	f := finder(t)
	for address, want := range map[string]string{
		"anna@gmail.com": "imap.gmail.com", "anna@GoogleMail.com": "imap.gmail.com", "anna@own.org": "imap.gmail.com",
		"anna@firm.org": "outlook.office365.com", "anna@hotmail.co.uk": "outlook.office365.com", "anna@outlook.de": "outlook.office365.com",
		"anna@icloud.com": "imap.mail.me.com", "anna@gmx.de": "imap.gmx.net", "anna@web.de": "imap.web.de", "anna@yahoo.com.br": "imap.mail.yahoo.com",
		"anna@corp.org": "imap.corp.org", "anna@srv.org": "mail.srv.org", "anna@none.org": "", "anna@evil.org": "", "anna@plain.org": "",
		"anna@yahoo.evil.org": "", "anna@mail.example": "", "anna@127.0.0.1": "", "anna": "", "anna@": "",
	} {
		got := ""
		if p := f.Find(t.Context(), address); p != nil {
			got = p.Host
		}
		if got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
	p := f.Find(t.Context(), "anna@corp.org")
	if p.UserOf("anna@corp.org") != "anna" || p.Password != Own || p.OAuth.Kind != "other" || len(p.OAuth.Scopes) != 2 || p.Port != 993 {
		t.Errorf("%+v", p)
	}
	if p := f.Find(t.Context(), "anna@srv.org"); p.Port != 1993 || p.UserOf("anna@srv.org") != "anna@srv.org" {
		t.Errorf("%+v", p)
	}
	if p := f.Find(t.Context(), "anna@proton.me"); p.Host != "" || !strings.Contains(p.Help, "Bridge") {
		t.Errorf("%+v", p)
	}
}

// Each entry of the table has a way in, or says why there is none, and no domain is in it twice.
func TestTable(t *testing.T) {
	seen := make(map[string]string)
	for _, k := range table {
		if k.Name == "" || k.Host == "" && k.Help == "" || k.Password != Own && k.Help == "" || k.Password == None && k.OAuth.Kind == "" {
			t.Errorf("%+v", k)
		}
		for _, d := range append(k.domains, k.exchangers...) {
			if seen[d] != "" {
				t.Errorf("%s is of %s and of %s", d, seen[d], k.Name)
			}
			seen[d] = k.Name
		}
	}
}

// Whatever a domain publishes, the result is a host that can be shown.
func FuzzAutoconfig(f *testing.F) {
	f.Add([]byte(published))
	f.Add([]byte("<clientConfig/>"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := parseAutoconfig(text)
		if err == nil && (!isHost(p.Host) || p.Port < 1 || p.Port > 65535 || p.OAuth.Kind != "" && !strings.HasPrefix(p.OAuth.TokenURL, "https://")) {
			t.Fatalf("%+v", p)
		}
	})
}
