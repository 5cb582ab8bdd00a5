package gate

import (
	"net/http"
	"strings"
)

// refusal is why a request is refused.
type refusal struct {
	Status int
	Text   string
}

// check returns why a request does not come from a page of this server, or from the person
// themselves. Nil: it does.
func (g *Gate) check(r *http.Request) *refusal {
	if !g.o.Host(r.Host) {
		return &refusal{http.StatusMisdirectedRequest, "this server has another name"}
	}
	if !strings.HasPrefix(r.URL.Path, g.prefix) {
		return &refusal{
			http.StatusNotFound,
			"the address is that of no page: open the link that mailstrata serve printed",
		}
	}
	path := strings.TrimPrefix(r.URL.Path, g.prefix)
	if r.Method != http.MethodGet && !(r.Method == http.MethodPost && path == LoginPath) {
		return &refusal{http.StatusMethodNotAllowed, "only pages can be read here; nothing can be changed"}
	}
	if speculative(r) {
		return &refusal{http.StatusServiceUnavailable, "pages are not loaded before they are opened"}
	}
	if !g.asked(r, g.access(path)) {
		return &refusal{
			http.StatusForbidden,
			"another page asked for this one, or the browser does not say who did (Sec-Fetch-Site)",
		}
	}
	return nil
}

// speculative reports whether the browser loads a page in case somebody opens it. That must not use
// up a link.
func speculative(r *http.Request) bool {
	return r.Header.Get("Sec-Purpose") != "" || r.Header.Get("Purpose") == "prefetch" ||
		r.Header.Get("X-Moz") == "prefetch"
}

// asked reports whether somebody who may do so asked for a page.
func (g *Gate) asked(r *http.Request, access Access) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	// A form sends "null", because its page has Referrer-Policy: no-referrer (Fetch Standard,
	// "append a request Origin header").
	if origin := r.Header.Get("Origin"); origin != "" && origin != g.origin(r) &&
		(origin != "null" || site != "same-origin") {
		return false
	}
	switch site {
	case "same-origin":
		return true
	case "none": // the address bar
		return r.Method == http.MethodGet
	case "same-site", "cross-site":
		return access == Open && r.Header.Get("Sec-Fetch-Mode") == "navigate" &&
			r.Header.Get("Sec-Fetch-Dest") == "document"
	}
	return false
}

// origin returns the origin of the server under the name by which it was asked.
func (g *Gate) origin(r *http.Request) string {
	if g.o.Secure {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
