package page

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/mailstrata/mailstrata/internal/ui"
)

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
