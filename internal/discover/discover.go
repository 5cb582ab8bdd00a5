// Package discover finds the servers of calendars, address books and scripts that belong to a mail
// account: by SRV and TXT records of its domain (RFC 6764, and RFC 5804 section 1.8 for scripts),
// and by names that servers usually have. It asks DNS alone, and logs in nowhere. DNS may lie, so
// the caller decides which host gets a password.
package discover

import (
	"cmp"
	"context"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/collection"
)

// Finder finds servers.
type Finder struct {
	Resolver *net.Resolver // nil: that of the system
	Timeout  time.Duration // for all questions about one account; 0: five seconds
}

// Offer is where a server may be.
type Offer struct {
	Kind  collection.Kind
	URL   *url.URL // with the user
	By    string   // what names it: an SRV record, or the name of the mail server
	Known bool     // an SRV record names it; otherwise it is a guess
}

// services are the names of the services with TLS. Those without it are not asked for.
var services = map[collection.Kind]string{
	collection.Calendars: "caldavs", collection.AddressBooks: "carddavs", collection.Sieve: "sieve",
}

// Offers returns where the servers of some kinds may be, for the mail account of a user at a host,
// those of each kind together and those that SRV records name first. An address that is an IP, or
// has no domain, has none.
func (f *Finder) Offers(ctx context.Context, user, host string, kinds ...collection.Kind) (offers []Offer) {
	domains := domainsOf(user, host)
	if len(domains) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(f.Timeout, 5*time.Second))
	defer cancel()
	found := make([][]Offer, len(kinds)*len(domains))
	done := make(chan struct{})
	for i := range found {
		go func() {
			found[i] = f.lookup(ctx, kinds[i/len(domains)], user, domains[i%len(domains)])
			done <- struct{}{}
		}()
	}
	for range found {
		<-done
	}
	for i, kind := range kinds {
		for _, o := range slices.Concat(found[i*len(domains) : (i+1)*len(domains)]...) {
			offers = appendOffer(offers, o)
		}
		for _, o := range guesses(kind, user, host, domains) {
			offers = appendOffer(offers, o)
		}
	}
	return offers
}

// appendOffer adds an offer, unless it is there.
func appendOffer(offers []Offer, o Offer) []Offer {
	if slices.ContainsFunc(offers, func(other Offer) bool { return other.Kind == o.Kind && other.URL.String() == o.URL.String() }) {
		return offers
	}
	return append(offers, o)
}

// domainsOf returns the domain of the address of the user, and that of the mail server.
func domainsOf(user, host string) (domains []string) {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if net.ParseIP(strings.Trim(host, "[]")) != nil || !strings.Contains(host, ".") {
		return nil
	}
	add := func(domain string) {
		if domain = strings.ToLower(domain); strings.Contains(domain, ".") && !slices.Contains(domains, domain) {
			domains = append(domains, domain)
		}
	}
	_, domain, _ := strings.Cut(user, "@")
	add(domain)
	add(host)
	_, parent, _ := strings.Cut(host, ".")
	add(parent)
	return domains
}

// lookup asks for the SRV record of a service, and for the path of it.
func (f *Finder) lookup(ctx context.Context, kind collection.Kind, user, domain string) (offers []Offer) {
	resolver := f.Resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	_, records, err := resolver.LookupSRV(ctx, services[kind], "tcp", domain) // by priority
	if err != nil {
		return nil
	}
	name := "_" + services[kind] + "._tcp." + domain
	path := "/"
	if kind != collection.Sieve {
		texts, _ := resolver.LookupTXT(ctx, name) // RFC 6764 section 4: it may be missing
		for _, text := range texts {
			if p, ok := strings.CutPrefix(text, "path="); ok && strings.HasPrefix(p, "/") {
				path = p
			}
		}
	}
	for _, r := range records {
		target := strings.TrimSuffix(r.Target, ".")
		if target == "" { // the service is not offered
			continue
		}
		port := r.Port
		if kind != collection.Sieve && port == 443 || kind == collection.Sieve && port == 4190 {
			port = 0
		}
		offers = append(offers, Offer{kind, urlOf(kind, user, target, port, path), "the SRV record " + name, true})
	}
	return offers
}

func urlOf(kind collection.Kind, user, host string, port uint16, path string) *url.URL {
	u := &url.URL{Scheme: "https", Host: host, Path: path}
	if user != "" {
		u.User = url.User(user)
	}
	if kind == collection.Sieve {
		u.Scheme, u.Path = "sieve", ""
	}
	if port != 0 {
		u.Host = net.JoinHostPort(host, strconv.Itoa(int(port)))
	}
	return u
}

// guesses are where servers usually are: scripts at the mail server, the others at well-known
// addresses of the domains, to which a URL without a path leads.
func guesses(kind collection.Kind, user, host string, domains []string) (offers []Offer) {
	if kind == collection.Sieve {
		return []Offer{{kind, urlOf(kind, user, host, 0, ""), "the mail server", false}}
	}
	for _, domain := range domains {
		offers = append(offers, Offer{
			kind, urlOf(kind, user, domain, 0, "/"), "the well-known address of " + domain, false,
		})
	}
	return offers
}
