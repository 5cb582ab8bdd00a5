package dav

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/mailstrata/mailstrata/collection"
)

// version4 is the media type of vCards of version 4.0 (RFC 6350 section 10.1).
const version4 = "text/vcard; version=4.0"

// versions is what a server says about which of its vCards are stored in version 4.0.
type versions struct {
	newer    collection.Spelling // names of those that are
	doubtful bool                // it could not be asked, or did not name all of them
}

// versions asks an address book which of its vCards are stored in version 4.0. Cyrus and sabre/dav
// (Nextcloud, Baïkal) make version 3.0 of each vCard unless a request asks for 4.0, and then make
// 4.0 of each. But a filter sees what is stored (RFC 6352 section 8.6). If the server does not know
// this report, none is known to be.
func (c *Client) versions(ctx context.Context, of *url.URL) (*versions, error) {
	known := new(versions)
	body := xmlHead + `<A:addressbook-query` + declarations + `><D:prop><D:getetag/></D:prop><A:filter>` +
		`<A:prop-filter name="VERSION"><A:text-match collation="i;ascii-casemap" match-type="equals">4.0</A:text-match></A:prop-filter>` +
		`</A:filter></A:addressbook-query>`
	found, at, err := c.query(ctx, "REPORT", of, "1", body)
	if err != nil {
		known.doubtful = !refusesReport(err)
		return known, context.Cause(ctx)
	}
	for i := range found.responses {
		r := &found.responses[i]
		switch name, err := c.member(at, r.href); {
		case err != nil || name == "": // a part of the answer was left out (RFC 6352 section 8.6.2)
			known.doubtful = true
		case r.status/100 != 4 && !strings.HasSuffix(name, "/"):
			known.newer.Know(name)
		}
	}
	return known, nil
}

// refusesReport reports whether a server does not know a report. It may know it if it failed, or
// asked to wait.
func refusesReport(err error) bool {
	status := statusOfError(err)
	return status/100 == 4 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests ||
		status == http.StatusNotImplemented
}
