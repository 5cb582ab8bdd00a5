package extract

import (
	"context"
	"strings"

	"github.com/mailstrata/mailstrata/mail/charset"
	"github.com/mailstrata/mailstrata/mail/entity"
)

// Part is a text of a message, as a program shows it that shows either text or HTML.
type Part struct {
	Text   string   // as people read it
	HTML   string   // the source in UTF-8, if the text is HTML; what it says of its character set no longer counts
	Within *Heading // of the message that begins here, if it is one within the message
}

// Heading is the fields of a message within the message, whose text begins with the Part.
type Heading struct{ From, To, Date, Subject string }

// Parts returns the texts of a message that are not attachments, in their order. Of a
// multipart/alternative it has one: the plain text is Text, and the best HTML is HTML. Text and
// HTML together have at most MaxText bytes; truncated says that more is missing.
func Parts(message []byte) (parts []Part, truncated bool) {
	x := &extraction{ctx: context.Background(), room: MaxText}
	parts = x.parts(message, entity.Parse(message))
	return parts, x.text.Truncated
}

// parts returns the texts of an entity of a message.
func (x *extraction) parts(message []byte, e *entity.Entity) (parts []Part) {
	if len(e.Children) > 0 {
		var each [][]Part
		for _, child := range e.Children {
			if found := x.parts(message, child); len(found) > 0 {
				each = append(each, found)
			}
		}
		if e.Subtype == "alternative" {
			return best(each)
		}
		for _, found := range each {
			parts = append(parts, found...)
		}
		return parts
	}
	kind := kindOf(e)
	if isAttachment(e, kind) && kind != messageKind || x.room == 0 {
		return nil
	}
	if kind == messageKind {
		return x.inner(message, e)
	}
	part := Part{Text: x.fit(strings.TrimRight(x.read(message, e, kind), " \t\r\n"))}
	if kind == htmlKind {
		part.HTML = x.fit(source(message, e))
	}
	if part.Text == "" && part.HTML == "" {
		return nil
	}
	return []Part{part}
}

// inner returns the texts of a message that is the body of e.
func (x *extraction) inner(message []byte, e *entity.Entity) []Part {
	inner := e.Message
	if inner == nil {
		if x.nested == MaxNested {
			return nil
		}
		x.nested++
		defer func() { x.nested-- }()
		message = e.Decode(message)
		inner = entity.Parse(message)
	}
	head := inner.Header.Of(message)
	heading := &Heading{
		x.fields(head, "From"), x.fields(head, "To", "Cc"), x.fields(head, "Date"), x.fields(head, "Subject"),
	}
	parts := x.parts(message, inner)
	if len(parts) == 0 {
		parts = []Part{{}}
	}
	parts[0].Within = heading
	return parts
}

// best returns the texts of one of several alternatives, which are in the order of their
// faithfulness (RFC 2046 section 5.1.4): the last one with HTML, whose text is that of the first
// one without.
func best(each [][]Part) []Part {
	plain, rich := -1, -1
	for i, parts := range each {
		hasHTML := false
		for _, p := range parts {
			hasHTML = hasHTML || p.HTML != ""
		}
		switch {
		case hasHTML:
			rich = i
		case plain < 0:
			plain = i
		}
	}
	switch {
	case rich < 0 && plain < 0:
		return nil
	case rich < 0:
		return each[plain]
	case plain < 0:
		return each[rich]
	}
	parts := each[rich]
	var text []string
	for _, p := range each[plain] {
		text = append(text, p.Text)
	}
	for i := range parts {
		if parts[i].HTML != "" {
			parts[i].Text = ""
		}
	}
	parts[0].Text = strings.Join(append(text, parts[0].Text), "\n")
	parts[0].Text = strings.TrimRight(parts[0].Text, "\n")
	return parts
}

// source returns the source of an HTML entity in UTF-8.
func source(message []byte, e *entity.Entity) string {
	content := e.Decode(message)
	name := e.Charset()
	if _, known := charset.Lookup(name); !known {
		name = metaCharset(content)
	}
	return charset.Decode(name, content[:min(len(content), MaxText)])
}
