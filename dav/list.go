package dav

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/mailstrata/mailstrata/collection"
)

// maxRounds bounds the parts in which a server answers a sync-collection.
const maxRounds = 10_000

// List implements collection.Source. With a token it asks what changed, by sync-collection. If the
// server does not accept the token, it lists all items.
func (c *Client) List(ctx context.Context, of collection.Collection, token string) (collection.Listing, error) {
	u, err := c.urlOf(of)
	if err != nil {
		return collection.Listing{}, err
	}
	if token != "" {
		l, err := c.changes(ctx, u, token)
		if err == nil || !refusesToken(err) {
			return l, err
		}
	}
	l, err := c.listAll(ctx, u)
	l.SyncToken = of.SyncToken // from before the list: what changed since then comes again
	return l, err
}

// refusesToken reports whether a server does not accept a token (RFC 6578 section 3.2), or does not
// know the report.
func refusesToken(err error) bool {
	status := statusOfError(err)
	return status/100 == 4 && status != http.StatusUnauthorized && status != http.StatusTooManyRequests &&
		!isNotFound(err) ||
		status == http.StatusNotImplemented
}

// listAll lists all items and their ETags.
func (c *Client) listAll(ctx context.Context, u *url.URL) (l collection.Listing, err error) {
	found, at, err := c.query(ctx, "PROPFIND", u, "1", propfind(`<D:getetag/><D:resourcetype/>`))
	if err != nil {
		return l, err
	}
	self := false
	for i := range found.responses {
		r := &found.responses[i]
		name, err := c.member(at, r.href)
		switch {
		case err != nil:
			return l, err
		case name == "" && r.status == http.StatusInsufficientStorage: // it was cut off
			return l, &StatusError{Status: r.status}
		case name == "":
			self = true
		case isInner(r, name):
		case r.status == http.StatusNotFound: // removed meanwhile
		default:
			l.Items = append(l.Items, collection.Listed{Name: name, ETag: r.textOf(davSpace, "getetag")})
		}
	}
	if !self {
		return l, fmt.Errorf("%w: the list does not have the collection itself, so it may lack more", ErrProtocol)
	}
	return l, nil
}

// isInner reports whether a member is a collection, or below one: it is no item of the outer one.
func isInner(r *propResponse, name string) bool {
	return strings.HasSuffix(name, "/") || r.prop(davSpace, "resourcetype").child(davSpace, "collection") != nil
}

// changes lists what changed since a token (RFC 6578 section 3). A server may answer in parts.
func (c *Client) changes(ctx context.Context, u *url.URL, token string) (l collection.Listing, err error) {
	l.Since, l.SyncToken = true, token
	last := make(map[string]int) // by name, in l.Items; -1: removed
	for range maxRounds {
		body := xmlHead + `<D:sync-collection` + declarations + `><D:sync-token>` + escape(l.SyncToken) +
			`</D:sync-token><D:sync-level>1</D:sync-level><D:prop><D:getetag/><D:resourcetype/></D:prop></D:sync-collection>`
		found, at, err := c.query(ctx, "REPORT", u, "0", body)
		if err != nil {
			return l, err
		}
		more := false
		for i := range found.responses {
			r := &found.responses[i]
			name, err := c.member(at, r.href)
			switch {
			case err != nil:
				return l, err
			case name == "" && r.status == http.StatusInsufficientStorage: // RFC 6578 section 3.6
				more = true
			case name == "" || isInner(r, name):
			case r.status == http.StatusNotFound:
				last[name] = -1
			default:
				last[name] = len(l.Items)
				l.Items = append(l.Items, collection.Listed{Name: name, ETag: r.textOf(davSpace, "getetag")})
			}
		}
		if found.syncToken == "" || more && found.syncToken == l.SyncToken {
			return l, fmt.Errorf("%w: a list of changes without a new sync token", ErrProtocol)
		}
		if l.SyncToken = found.syncToken; !more {
			return settle(l, last), nil
		}
	}
	return l, fmt.Errorf("%w: a list of changes that does not end", ErrProtocol)
}

// settle leaves the last thing that is said about each item.
func settle(l collection.Listing, last map[string]int) collection.Listing {
	all := l.Items
	l.Items = nil
	for i, item := range all {
		if last[item.Name] == i {
			l.Items = append(l.Items, item)
		}
	}
	for name, i := range last {
		if i < 0 {
			l.Removed = append(l.Removed, name)
		}
	}
	return l
}

// member returns the name of a member of the collection at a URL, as the server sent it: what
// follows the path of the collection. It is empty for the collection itself, and ends with "/" for
// what is below a member.
func (c *Client) member(at *url.URL, href string) (string, error) {
	u, err := c.resolve(at, href)
	if err != nil {
		return "", err
	}
	if sameDirectory(u, at) {
		return "", nil
	}
	dir, name := path.Split(u.EscapedPath())
	if name == "" { // a collection
		dir, name = path.Split(strings.TrimSuffix(dir, "/"))
		name += "/"
	}
	decoded, err := url.PathUnescape(dir)
	if err != nil || strings.TrimSuffix(decoded, "/") != strings.TrimSuffix(at.Path, "/") || name == "." ||
		name == ".." {
		return "", fmt.Errorf("%w: the href %.80q is not in the collection %s", ErrProtocol, href, at.Path)
	}
	return name, nil
}

func escape(text string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text)) // a Buffer does not fail
	return b.String()
}
