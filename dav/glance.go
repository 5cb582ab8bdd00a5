package dav

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/mailstrata/mailstrata/collection"
)

// maxGlance is the most bytes of the answer to Glance.
const maxGlance = 32 << 20

// Glance asks for the contents of many items with one request (RFC 4791 section 7.9, RFC 6352
// section 8.7), or with two if some are vCards of version 4.0. XML makes LF of the line ends CR LF
// and CR, so the contents are not those of Read. It leaves out items that the server does not give.
func (c *Client) Glance(
	ctx context.Context, of collection.Collection, items []collection.Listed,
) (map[string][]byte, error) {
	u, err := c.urlOf(of)
	if err != nil {
		return nil, err
	}
	all := make(map[string][]byte, len(items))
	if c.kind == collection.Calendars {
		return all, c.multiget(ctx, u, "", items, all)
	}
	known := c.glanced[u.Path]
	if known == nil { // an item that changes later may look different, and is then read
		if known, err = c.versions(ctx, u); err != nil {
			return nil, err
		}
		c.glanced[u.Path] = known
	}
	var older, newer []collection.Listed
	for _, item := range items {
		if known.newer.Knows(c.kind, item.Name) {
			newer = append(newer, item)
		} else {
			older = append(older, item)
		}
	}
	err = c.multiget(ctx, u, "", older, all)
	if err == nil {
		err = c.multiget(ctx, u, ` content-type="text/vcard" version="4.0"`, newer, all)
	}
	return all, err
}

// multiget asks for the contents of items, which it adds to all. form has the attributes that say
// in which form (RFC 6352 section 10.4).
func (c *Client) multiget(
	ctx context.Context, u *url.URL, form string, items []collection.Listed, all map[string][]byte,
) error {
	if len(items) == 0 {
		return nil
	}
	prefix, report, data := "C:", "calendar-multiget", "calendar-data"
	if c.kind == collection.AddressBooks {
		prefix, report, data = "A:", "addressbook-multiget", "address-data"
	}
	var asked collection.Spelling
	var body strings.Builder
	body.WriteString(xmlHead + "<" + prefix + report + declarations + "><D:prop><" + prefix + data + form + "/></D:prop>")
	for _, item := range items {
		at, err := c.itemURL(u, item.Name)
		if err != nil {
			return err
		}
		asked.Know(item.Name)
		body.WriteString("<D:href>" + escape(at.EscapedPath()) + "</D:href>")
	}
	body.WriteString("</" + prefix + report + ">")
	found, at, err := c.queryUpTo(ctx, maxGlance, "REPORT", u, "1", body.String())
	if err != nil {
		return err
	}
	for i := range found.responses {
		r := &found.responses[i]
		name, err := c.member(at, r.href)
		if err != nil {
			return err
		}
		content := r.prop(c.names().space, data)
		if content != nil && (r.status == 0 || r.status == http.StatusOK) {
			all[asked.Of(c.kind, name)] = []byte(content.text)
		}
	}
	return nil
}
