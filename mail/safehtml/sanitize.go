package safehtml

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

const (
	// MaxDocument is how many bytes of a document are read.
	MaxDocument = 8 << 20
	// MaxOutput is the largest number of bytes of a result, with its images. A browser takes some
	// hundred megabytes for it.
	MaxOutput = 24 << 20
)

// References says what becomes of the URLs in a document.
type References struct {
	// Image returns the content of the entity of the message that has a Content-ID, which is given
	// without its brackets, or nil. It can be nil. It is called once for each ID.
	Image func(id string) []byte
	// Link returns the address of the page that shows a URL before it is followed. The URL is
	// absolute, of the scheme http, https or mailto. If Link is nil, there are no links.
	Link func(url string) string
}

// Result is a document that is safe to show.
type Result struct {
	// HTML is in UTF-8, and what belongs into the element body.
	HTML []byte
	// Remote has the hosts of images that are not in the message, each once, sorted. In the place
	// of each image is a note.
	Remote []string
	// Plain reports that the result has no colors, backgrounds and images of its own, so it can be
	// shown in any colors.
	Plain bool
	// Truncated reports that the document or the result was too large, and that its end is missing.
	Truncated bool
}

// Sanitize makes a document safe to show. The document is in UTF-8.
func Sanitize(document string, refs References) Result {
	s := &sanitizer{refs: refs}
	if len(document) > MaxDocument {
		document, s.truncated = document[:MaxDocument], true
	}
	s.out.Grow(min(len(document)+len(document)/4, MaxOutput))
	z := html.NewTokenizer(strings.NewReader(strings.ToValidUTF8(document, "\uFFFD")))
	for !s.full {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		s.token(z, kind)
	}
	s.closeAll()
	return Result{HTML: s.out.Bytes(), Remote: s.hosts(), Plain: !s.colored, Truncated: s.truncated || s.full}
}

// token reads one token of a document.
func (s *sanitizer) token(z *html.Tokenizer, kind html.TokenType) {
	switch kind {
	case html.TextToken:
		if !s.hidden {
			s.text(z.Text())
		}
		s.hidden = false
	case html.EndTagToken:
		name, _ := z.TagName()
		s.hidden = false
		if tag := atom.Lookup(name); tag != atom.Body { // browsers ignore it
			s.end(canonical(tag))
		}
	case html.StartTagToken, html.SelfClosingTagToken: // the slash means nothing in HTML
		name, more := z.TagName()
		tag := atom.Lookup(name)
		switch tag {
		case atom.Script, atom.Style, atom.Title, atom.Iframe:
			s.hidden = true // the next text is their content, to the end tag
			return
		case atom.Noscript, atom.Noembed, atom.Noframes:
			z.NextIsNotRawText() // it is shown: nothing runs here
			return
		}
		attrs := readAttributes(z, more)
		if tag == atom.Body {
			attrs.colors()
		}
		s.start(canonical(tag), attrs)
	}
}

// readAttributes returns the attributes of a tag, of each name the first, as browsers do.
func readAttributes(z *html.Tokenizer, more bool) attributes {
	var all attributes
	for more {
		var key, value []byte
		key, value, more = z.TagAttr()
		name := string(key)
		if _, known := attributeRules[name]; !known {
			continue
		}
		if all == nil {
			all = attributes{}
		}
		if _, double := all[name]; !double {
			all[name] = string(value)
		}
	}
	return all
}
