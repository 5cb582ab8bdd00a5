// Package provider finds the mail server of a mail address.
//
//	address ──► table.go       the domains of large providers
//	        ├─► MX of the domain ──► table.go        a domain of one's own at a large provider
//	        ├─► autoconfig.go  what the domain publishes for mail programs, over HTTPS
//	        └─► SRV            _imaps._tcp (RFC 6186)
//
// If nobody answers, Guess looks for a host with a usual name.
//
// The first that answers counts, in this order; they are asked side by side. Only the domain of the
// address and the resolver of this host are asked, and no directory of a third party.
package provider

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"
)

// Provider is a mail provider, or the server of one domain.
type Provider struct {
	Name string // "Gmail"; "": it is not a known one
	Host string // of its IMAP server; "": it has none
	Port int    // 0: the usual one

	// Forgeable is set if DNS alone names a host outside the domain of the address. An attacker who
	// forges its answers would get the password, so the user has to confirm the host (RFC 6186
	// section 6).
	Forgeable bool

	User     User     // what it calls its users
	Password Password // whether it accepts one
	Help     string   // where to make an app password, or what to switch on first; a sentence
	OAuth    OAuth    // who gives tokens, if it accepts them; zero: not known
}

// User says what the user name of an address is.
type User uint8

const (
	WholeAddress User = iota
	LocalPart         // what is before the "@"
)

// Password says which password a provider accepts.
type Password uint8

const (
	Own  Password = iota // that of the account
	App                  // one that is made for a program
	None                 // none: it wants a token
)

// OAuth says who gives tokens.
type OAuth struct {
	Kind              string // "google", "microsoft" or "other"; "": not known
	AuthURL, TokenURL string // of "other"
	Scopes            []string
}

// UserOf returns the user name of an address.
func (p *Provider) UserOf(address string) string {
	if local, _, ok := strings.Cut(address, "@"); ok && p.User == LocalPart {
		return local
	}
	return address
}

// Resolver is the part of net.Resolver that is used.
type Resolver interface {
	LookupMX(ctx context.Context, domain string) ([]*net.MX, error)
	LookupSRV(ctx context.Context, service, proto, domain string) (string, []*net.SRV, error)
	LookupHost(ctx context.Context, host string) ([]string, error)
}

// Finder finds providers.
type Finder struct {
	Resolver Resolver
	HTTP     http.RoundTripper
}

// patience is how long a lookup may take. A question to the user is the other way.
const patience = 6 * time.Second

// Find returns the provider of an address, or nil if nobody says which it is.
func (f *Finder) Find(ctx context.Context, address string) *Provider {
	_, domain, ok := strings.Cut(address, "@")
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	if !ok || domain == "" {
		return nil
	}
	if known := byDomain(domain); known != nil {
		return known
	}
	if isReserved(domain) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ways := []func(context.Context, string) *Provider{f.byMX, f.autoconfig, f.bySRV}
	answers := make([]chan *Provider, len(ways))
	for i, way := range ways {
		answers[i] = make(chan *Provider, 1)
		go func() { answers[i] <- way(ctx, domain) }()
	}
	for _, answer := range answers {
		if found := <-answer; found != nil {
			return found
		}
	}
	return nil
}

// Guess looks for a host with a usual name of an IMAP server in the domain of an address. It
// returns "" if there is none. Nothing says that the host is a mail server, so callers must ask the
// user.
func (f *Finder) Guess(ctx context.Context, address string) string {
	_, domain, _ := strings.Cut(address, "@")
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	if isReserved(domain) || !isHost(domain) {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, name := range []string{"imap.", "mail."} {
		if found, err := f.Resolver.LookupHost(ctx, name+domain); err == nil && len(found) > 0 {
			return name + domain
		}
	}
	return ""
}

// isReserved reports whether no server can have the domain: an address, or a name of RFC 6761.
func isReserved(domain string) bool {
	if strings.HasPrefix(domain, "[") || net.ParseIP(domain) != nil || !strings.Contains(domain, ".") {
		return true
	}
	top := domain[strings.LastIndexByte(domain, '.')+1:]
	return top == "example" || top == "test" || top == "invalid" || top == "localhost" || top == "onion"
}

// byMX finds a domain that a large provider serves.
func (f *Finder) byMX(ctx context.Context, domain string) *Provider {
	servers, err := f.Resolver.LookupMX(ctx, domain)
	if err != nil {
		return nil
	}
	for _, server := range servers {
		if known := byExchanger(strings.ToLower(strings.TrimSuffix(server.Host, "."))); known != nil {
			return known
		}
	}
	return nil
}

// bySRV asks for the record of RFC 6186 section 3.2. A target of "." means that there is no such
// service.
func (f *Finder) bySRV(ctx context.Context, domain string) *Provider {
	_, records, err := f.Resolver.LookupSRV(ctx, "imaps", "tcp", domain)
	if err != nil || len(records) == 0 {
		return nil
	}
	host := strings.ToLower(strings.TrimSuffix(records[0].Target, "."))
	if !isHost(host) || records[0].Port == 0 {
		return nil
	}
	return &Provider{Host: host, Port: int(records[0].Port), Forgeable: !strings.HasSuffix("."+host, "."+domain)}
}

// isHost reports whether a text from the network is the name of a host, which can be shown and
// connected to.
func isHost(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return r != '-' && r != '.' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}
