package extract

import (
	"bytes"
	"strings"

	"github.com/mailstrata/mailstrata/mail/charset"
	"github.com/mailstrata/mailstrata/mail/entity"
)

// read returns the text of an entity of a kind that has text.
func (x *extraction) read(message []byte, e *entity.Entity, kind kind) string {
	content := e.Decode(message)
	if len(content) > MaxText {
		content, x.text.Truncated = content[:MaxText], true
	}
	name := e.Charset()
	if kind == htmlKind {
		if _, known := charset.Lookup(name); !known {
			name = metaCharset(content)
		}
	}
	text := charset.Decode(name, content)
	switch kind {
	case htmlKind:
		text = htmlText(text, x.room)
	case calendarKind:
		text = calendarText(text)
	case enrichedKind:
		text = enrichedText(text)
	}
	return readable(text)
}

// metaCharset returns the character set that an HTML document names in itself, in a place that the WHATWG HTML Standard looks
// at, or an empty string.
func metaCharset(html []byte) string {
	head := bytes.ToLower(html[:min(len(html), 1024)])
	for {
		_, rest, found := bytes.Cut(head, []byte("<meta"))
		if !found {
			return ""
		}
		tag, _, _ := bytes.Cut(rest, []byte(">"))
		if _, value, found := bytes.Cut(tag, []byte("charset=")); found {
			value = bytes.TrimLeft(value, "\"' ")
			if end := bytes.IndexAny(value, "\"' ;/"); end >= 0 {
				value = value[:end]
			}
			return string(value)
		}
		head = rest
	}
}

// readable returns a text without soft hyphens, which are between the letters of a word, and NUL.
func readable(text string) string {
	if !strings.Contains(text, "\u00AD") && strings.IndexByte(text, 0) < 0 {
		return text
	}
	return strings.NewReplacer("\u00AD", "", "\x00", " ").Replace(text)
}
