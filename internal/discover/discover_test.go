package discover

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/mailstrata/mailstrata/collection"
)

// dns answers questions about SRV and TXT records. It returns a resolver that asks it alone.
func dns(t *testing.T, records map[string][]dnsmessage.ResourceBody) *net.Resolver {
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
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			answer := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true}, Questions: m.Questions}
			for _, body := range records[strings.ToLower(q.Name.String())] {
				kind := dnsmessage.TypeSRV
				if _, ok := body.(*dnsmessage.TXTResource); ok {
					kind = dnsmessage.TypeTXT
				}
				if kind == q.Type {
					header := dnsmessage.ResourceHeader{Name: q.Name, Type: kind, Class: dnsmessage.ClassINET, TTL: 60}
					answer.Answers = append(answer.Answers, dnsmessage.Resource{Header: header, Body: body})
				}
			}
			if len(answer.Answers) == 0 {
				answer.RCode = dnsmessage.RCodeNameError
			}
			if packed, err := answer.Pack(); err == nil {
				_, _ = conn.WriteTo(packed, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func srv(target string, port, priority uint16) *dnsmessage.SRVResource {
	return &dnsmessage.SRVResource{Target: dnsmessage.MustNewName(target), Port: port, Priority: priority}
}

// The servers of an account are those of its DNS records, the most preferred first, and then the
// usual names.
func TestOffers(t *testing.T) {
	resolver := dns(t, map[string][]dnsmessage.ResourceBody{
		"_caldavs._tcp.office.example.":  {srv("second.office.example.", 443, 20), srv("dav.office.example.", 8443, 10), &dnsmessage.TXTResource{TXT: []string{"path=/dav/cal"}}},
		"_carddavs._tcp.office.example.": {srv(".", 0, 0)},
		"_sieve._tcp.mail.example.":      {srv("rules.mail.example.", 4190, 0)},
	})
	f := &Finder{Resolver: resolver}
	for _, test := range []struct {
		user, host string
		kind       collection.Kind
		want       []string
	}{
		{"anna@office.example", "imap.mail.example", collection.Calendars, []string{
			"https://anna%40office.example@dav.office.example:8443/dav/cal", "https://anna%40office.example@second.office.example/dav/cal",
			"https://anna%40office.example@office.example/", "https://anna%40office.example@imap.mail.example/", "https://anna%40office.example@mail.example/",
		}},
		{"anna@office.example", "office.example", collection.AddressBooks, []string{"https://anna%40office.example@office.example/"}},
		{"anna", "imap.mail.example", collection.Sieve, []string{"sieve://anna@rules.mail.example", "sieve://anna@imap.mail.example"}},
		{"anna@office.example", "127.0.0.1", collection.Calendars, nil},
		{"anna", "mailhost", collection.Sieve, nil},
	} {
		var got []string
		for i, o := range f.Offers(t.Context(), test.user, test.host, test.kind) {
			got = append(got, o.URL.String())
			if o.Kind != test.kind || o.By == "" || i > 0 && o.Known && strings.HasPrefix(o.By, "the well") {
				t.Errorf("%+v", o)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s at %s: %q, want %q", test.user, test.host, got, test.want)
		}
	}
}

// TestSilentDNS checks that a server that does not answer costs the time limit, and no more.
func TestSilentDNS(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	f := &Finder{Timeout: 100 * time.Millisecond, Resolver: &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}}
	began := time.Now()
	offers := f.Offers(t.Context(), "anna@office.example", "mail.example", collection.Calendars, collection.Sieve)
	if len(offers) != 3 || offers[0].Known || time.Since(began) > 20*time.Second {
		t.Errorf("%+v after %v", offers, time.Since(began))
	}
}
