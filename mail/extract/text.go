package extract

import (
	"bytes"
	"strings"

	"github.com/mailstrata/mailstrata/mail/charset"
	"github.com/mailstrata/mailstrata/mail/entity"
)

// decodeText returns the content of an entity of the type text in UTF-8, as its sender wrote it:
// HTML stays HTML. HTML can name its character set in itself. At most MaxText bytes are decoded,
// and cut reports that there were more.
func decodeText(message []byte, e *entity.Entity) (text string, cut bool) {
	content := e.Decode(message)
	if len(content) > MaxText {
		content, cut = content[:MaxText], true
	}
	name := e.Charset()
	if kindOf(e) == htmlKind {
		if _, known := charset.Lookup(name); !known {
			name = metaCharset(content)
		}
	}
	return charset.Decode(name, content), cut
}

// read returns the text of an entity of a kind that has text.
func (x *extraction) read(message []byte, e *entity.Entity, kind kind) string {
	text, cut := decodeText(message, e)
	x.text.Truncated = x.text.Truncated || cut
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

// metaCharset returns the character set that an HTML document names in itself, in a place that the
// WHATWG HTML Standard looks at, or an empty string.
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
