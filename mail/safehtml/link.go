package safehtml

import (
	"net/url"
	"strings"
)

const maxURL = 8 << 10 // bytes of a URL

// link returns the attributes of a link to a URL, or false if it is no link that can be followed
// from here. A link opens a window of its own, which knows nothing of this one. Its title is the
// URL, because the status line of a browser shows the page between.
func (s *sanitizer) link(href string) (string, bool) {
	parsed, ok := parseURL(href)
	if !ok || s.refs.Link == nil {
		return "", false
	}
	switch parsed.Scheme {
	case "http", "https":
		ok = parsed.Host != ""
	case "mailto":
		ok = parsed.Opaque != ""
	default:
		ok = false
	}
	if !ok {
		return "", false
	}
	var b strings.Builder
	target := parsed.String()
	text, _ := title(target)
	writeAttribute(&b, "href", s.refs.Link(target))
	writeAttribute(&b, "rel", "noopener noreferrer nofollow")
	writeAttribute(&b, "target", "_blank")
	writeAttribute(&b, "title", text)
	return b.String(), true
}

// parseURL reads a URL as browsers do: white space around it and line breaks within it do not
// count.
func parseURL(value string) (*url.URL, bool) {
	if len(value) > maxURL {
		return nil, false
	}
	value = strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\r' {
			return -1
		}
		return r
	}, value)
	parsed, err := url.Parse(strings.TrimSpace(value))
	return parsed, err == nil
}
