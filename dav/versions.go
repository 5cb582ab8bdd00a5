package dav

import (
	"context"
	"net/url"
	"strings"

	"github.com/mailstrata/mailstrata/collection"
)

// version4 is the media type of vCards of version 4.0 (RFC 6350 section 10.1).
const version4 = "text/vcard; version=4.0"

// newer asks an address book which of its vCards are stored in version 4.0. Cyrus and sabre/dav
// (Nextcloud, Baïkal) make version 3.0 of each vCard unless a request asks for 4.0, and then make
// 4.0 of each. But a filter sees what is stored (RFC 6352 section 8.6). If the server does not
// answer that, none is known to be.
func (c *Client) newer(ctx context.Context, of *url.URL) (*collection.Spelling, error) {
	names := new(collection.Spelling)
	body := xmlHead + `<A:addressbook-query` + declarations + `><D:prop><D:getetag/></D:prop><A:filter>` +
		`<A:prop-filter name="VERSION"><A:text-match collation="i;ascii-casemap" match-type="equals">4.0</A:text-match></A:prop-filter>` +
		`</A:filter></A:addressbook-query>`
	found, at, err := c.query(ctx, "REPORT", of, "1", body)
	if err != nil {
		return names, context.Cause(ctx)
	}
	for i := range found.responses {
		r := &found.responses[i]
		if name, err := c.member(at, r.href); err == nil && name != "" && r.status/100 != 4 && !strings.HasSuffix(name, "/") {
			names.Know(name)
		}
	}
	return names, nil
}
