package dav

import (
	"context"
	"net/http"
	"strings"

	"github.com/mailstrata/mailstrata/collection"
)

// maxGlance is the most bytes of the answer to Glance.
const maxGlance = 32 << 20

// Glance asks for the contents of many items with one request (RFC 4791 section 7.9, RFC 6352
// section 8.7). XML makes LF of the line ends CR LF and CR, so the contents are not those of Read.
// It leaves out items that the server does not give.
func (c *Client) Glance(ctx context.Context, of collection.Collection, items []collection.Listed) (map[string][]byte, error) {
	u, err := c.urlOf(of)
	if err != nil {
		return nil, err
	}
	prefix, report, data := "C", "calendar-multiget", "calendar-data"
	if c.kind == collection.AddressBooks {
		prefix, report, data = "A", "addressbook-multiget", "address-data"
	}
	var asked collection.Spelling
	var body strings.Builder
	body.WriteString(xmlHead + "<" + prefix + ":" + report + declarations + "><D:prop><" + prefix + ":" + data + "/></D:prop>")
	for _, item := range items {
		at, err := c.itemURL(u, item.Name)
		if err != nil {
			return nil, err
		}
		asked.Know(item.Name)
		body.WriteString("<D:href>" + escape(at.EscapedPath()) + "</D:href>")
	}
	body.WriteString("</" + prefix + ":" + report + ">")
	found, at, err := c.queryUpTo(ctx, maxGlance, "REPORT", u, "1", body.String())
	if err != nil {
		return nil, err
	}
	all := make(map[string][]byte, len(items))
	for i := range found.responses {
		r := &found.responses[i]
		name, err := c.member(at, r.href)
		if err != nil {
			return nil, err
		}
		content := r.prop(c.names().space, data)
		if content != nil && (r.status == 0 || r.status == http.StatusOK) {
			all[asked.Of(c.kind, name)] = []byte(content.text)
		}
	}
	return all, nil
}
