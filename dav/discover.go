package dav

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/collection"
)

// ErrNone reports that the URL leads to no collections of the kind.
var ErrNone = errors.New("no collections of the user are found there")

// kindNames has the names of a kind on the wire.
type kindNames struct {
	space     string // of its properties
	home      string // the property with the hrefs of the home sets
	resource  string // the resource type of a collection
	wellKnown string // RFC 6764 section 5
	media     string
	object    string // the component that an item is
}

func (c *Client) names() kindNames {
	if c.kind == collection.AddressBooks {
		return kindNames{cardDAVSpace, "addressbook-home-set",
			"addressbook", "/.well-known/carddav", "text/vcard; charset=utf-8", "VCARD"}
	}
	return kindNames{calDAVSpace, "calendar-home-set",
		"calendar", "/.well-known/caldav", "text/calendar; charset=utf-8", "VCALENDAR"}
}

const collectionProps = `<D:displayname/><D:resourcetype/><D:sync-token/><S:getctag/><C:calendar-description/><C:calendar-timezone/>` +
	`<C:supported-calendar-component-set/><I:calendar-color/><I:calendar-order/><A:addressbook-description/>`

// discoverProps do not have the sync token: DAViCal answers 500 if it is asked for that of its
// root.
const discoverProps = `<D:current-user-principal/><C:calendar-home-set/><A:addressbook-home-set/><D:resourcetype/>`

// Open implements collection.Source. The URL may be that of a collection, of a home set, of a
// principal, or of the server.
func (c *Client) Open(ctx context.Context) (server []collection.Field, all []collection.Collection, err error) {
	all, err = c.discover(ctx)
	if err != nil {
		return nil, nil, err
	}
	if c.server != "" {
		server = append(server, collection.Field{Name: "Server", Value: c.server})
	}
	slices.SortFunc(all, func(a, b collection.Collection) int { return strings.Compare(a.Path, b.Path) })
	all = slices.CompactFunc(all, func(a, b collection.Collection) bool { return a.Path == b.Path })
	return server, all, nil
}

// discover finds the collections of the user.
func (c *Client) discover(ctx context.Context) ([]collection.Collection, error) {
	starts := []string{c.base.EscapedPath()}
	if c.base.Path == "/" {
		starts = []string{c.names().wellKnown, "/"} // RFC 6764 section 6
	}
	var failed error
	for _, start := range starts {
		u, err := c.base.Parse(start)
		if err != nil {
			return nil, err
		}
		c.homes, c.origin, c.located = nil, c.base, false
		found, err := c.discoverAt(ctx, u)
		if err == nil {
			return found, nil
		}
		if ctx.Err() != nil {
			return nil, err
		}
		failed = err // that of the last is the one of the URL
	}
	return nil, failed
}

// discoverAt finds the collections of the user from a URL on.
func (c *Client) discoverAt(ctx context.Context, u *url.URL) ([]collection.Collection, error) {
	self, at, err := c.about(ctx, u, discoverProps)
	if err != nil {
		return nil, err
	}
	if c.isCollection(self) {
		if self, at, err = c.about(ctx, at, collectionProps); err != nil {
			return nil, err
		}
		if err := c.locate(at); err != nil {
			return nil, err
		}
		one, err := c.collection(at, self)
		return []collection.Collection{one}, err
	}
	homes := c.homesIn(self)
	if len(homes) == 0 {
		principal := self.prop(davSpace, "current-user-principal").hrefs()
		if len(principal) == 0 {
			return c.inHome(ctx, at) // perhaps the URL is that of a home set
		}
		there, err := at.Parse(principal[0])
		if err != nil {
			return nil, fmt.Errorf("%w: the principal %.80q", ErrProtocol, principal[0])
		}
		var found *multistatus
		if found, at, err = c.query(ctx, "PROPFIND", there, "0", propfind(discoverProps)); err != nil {
			return nil, fmt.Errorf("ask for the home of %s: %w", there.Path, err)
		}
		for i := range found.responses {
			homes = append(homes, c.homesIn(&found.responses[i])...)
		}
	}
	if len(homes) == 0 {
		return nil, ErrNone
	}
	var all []collection.Collection
	for _, home := range homes {
		there, err := at.Parse(home)
		if err != nil {
			return nil, fmt.Errorf("%w: the home %.80q", ErrProtocol, home)
		}
		some, err := c.inHome(ctx, there)
		if err != nil && !errors.Is(err, ErrNone) {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// about asks for properties of one resource.
func (c *Client) about(ctx context.Context, u *url.URL, props string) (*propResponse, *url.URL, error) {
	found, at, err := c.query(ctx, "PROPFIND", u, "0", propfind(props))
	if err != nil {
		return nil, nil, err
	}
	if len(found.responses) != 1 {
		return nil, nil, fmt.Errorf("%w: %d resources in place of one", ErrProtocol, len(found.responses))
	}
	return &found.responses[0], at, nil
}

func (c *Client) homesIn(r *propResponse) []string {
	return r.prop(c.names().space, c.names().home).hrefs()
}

// inHome returns the collections in a home set. If the home has no members of the kind, it returns
// ErrNone.
func (c *Client) inHome(ctx context.Context, home *url.URL) (all []collection.Collection, err error) {
	found, at, err := c.query(ctx, "PROPFIND", home, "1", propfind(collectionProps))
	if err != nil {
		return nil, err
	}
	self := false
	for i := range found.responses {
		r := &found.responses[i]
		there, err := c.resolve(at, r.href)
		if err != nil {
			return nil, err
		}
		self = self || sameDirectory(there, at)
		if !c.isCollection(r) {
			if status := r.unknown(davSpace, "resourcetype"); status != 0 {
				return nil, fmt.Errorf("%w: %d for %s, which may be a collection", ErrProtocol, status, there.Path)
			}
			continue
		}
		one, err := c.collection(at, r)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	if !self {
		return nil, fmt.Errorf("%w: the list of %s does not have the home itself, so it may lack more",
			ErrProtocol, at.Path)
	}
	if err := c.locate(at); err != nil {
		return nil, err
	}
	c.homes = append(c.homes, at)
	if len(all) == 0 {
		err = ErrNone
	}
	return all, err
}

func sameDirectory(a, b *url.URL) bool {
	return strings.TrimSuffix(a.Path, "/") == strings.TrimSuffix(b.Path, "/")
}

// isCollection reports whether a resource is a calendar, or an address book.
func (c *Client) isCollection(r *propResponse) bool {
	return r.prop(davSpace, "resourcetype").child(c.names().space, c.names().resource) != nil
}

// resolve returns the URL of an href in an answer, which must be of the host that gave it.
func (c *Client) resolve(at *url.URL, href string) (*url.URL, error) {
	u, err := at.Parse(href)
	if err != nil || u.RawQuery != "" || u.Fragment != "" || u.Path == "" {
		return nil, fmt.Errorf("%w: the href %.80q", ErrProtocol, href)
	}
	if u.User = nil; !sameOrigin(u, at) {
		return nil, fmt.Errorf("%w: %.80q, of another host than %s", ErrProtocol, href, at.Host)
	}
	return u, nil
}

// collection returns what a response says about a collection.
func (c *Client) collection(at *url.URL, r *propResponse) (one collection.Collection, err error) {
	u, err := c.resolve(at, r.href)
	if err != nil {
		return one, err
	}
	one = collection.Collection{
		Path: u.EscapedPath(), Name: r.textOf(davSpace, "displayname"),
		SyncToken: r.textOf(davSpace, "sync-token"), CTag: r.textOf(csSpace, "getctag"),
	}
	if !strings.HasSuffix(one.Path, "/") {
		one.Path += "/"
	}
	add := func(name, value string) {
		if value != "" {
			one.Properties = append(one.Properties, collection.Field{Name: name, Value: value})
		}
	}
	add("calendar-color", r.textOf(appleSpace, "calendar-color"))
	add("calendar-order", r.textOf(appleSpace, "calendar-order"))
	add("calendar-timezone", r.textOf(calDAVSpace, "calendar-timezone"))
	var components []string
	if set := r.prop(calDAVSpace, "supported-calendar-component-set"); set != nil {
		for _, comp := range set.children {
			if comp.called != "" {
				components = append(components, comp.called)
			}
		}
	}
	if c.kind == collection.Calendars { // Radicale has them for address books, too
		add("components", strings.Join(components, " "))
	}
	add("description", r.textOf(c.names().space, c.names().resource+"-description"))
	return one, nil
}

// urlOf returns the URL of a collection.
func (c *Client) urlOf(of collection.Collection) (*url.URL, error) {
	u, err := c.origin.Parse(of.Path)
	if err != nil || !sameOrigin(u, c.origin) {
		return nil, fmt.Errorf("%w: the path %.80q", ErrProtocol, of.Path)
	}
	return u, nil
}
