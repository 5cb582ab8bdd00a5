package page

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/mailstrata/mailstrata/internal/ui"
)

// linkPage shows where a link leads.
type linkPage struct {
	page
	URL    string
	Host   string // empty: it leads to no host
	Plain  bool   // without TLS
	Odd    string // what is odd about it
	Follow string // the URL as it is; empty: it cannot be followed
}

const urlParam = "u"

// link shows the whole URL of a link of a message. The link of the page follows it. The page shows
// nothing of the server, so it does not matter who leads here.
func (s *Server) link(w http.ResponseWriter, r *request) error {
	target := r.values.Get(urlParam)
	data := linkPage{page: page{Title: "A link of a message"}, URL: ui.Safe(target)}
	parsed, err := url.Parse(target)
	if err != nil || !linkable(parsed) {
		return s.showStatus(w, http.StatusBadRequest, "link", data)
	}
	data.Host, data.Plain = ui.Safe(parsed.Host), strings.EqualFold(parsed.Scheme, "http")
	switch {
	case parsed.User != nil:
		data.Odd = "The text before @ is not where it leads. It leads to the host that is shown above."
	case strings.Contains(strings.ToLower(parsed.Hostname()), "xn--"):
		data.Odd = "The name of the host has characters of other alphabets, which can look like Latin ones."
	case strings.IndexFunc(parsed.Host, func(r rune) bool { return r > '~' }) >= 0:
		data.Odd = "The name of the host has characters that are not ASCII, which can look like others."
	}
	data.Follow = target
	return s.show(w, "link", data)
}

// linkable reports whether a URL can be followed. Browsers read a host in URLs of which this page
// would show none, such as http:/mail.example.
func linkable(u *url.URL) bool {
	switch u.Scheme {
	case "http", "https":
		return u.Host != ""
	case "mailto":
		return u.Opaque != ""
	}
	return false
}
