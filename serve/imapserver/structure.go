package imapserver

import (
	"slices"
	"strconv"
	"strings"

	"github.com/mailstrata/mailstrata/internal/header"
	"github.com/mailstrata/mailstrata/mail/entity"
)

// appendStructure appends the BODY or the BODYSTRUCTURE of the message (RFC 3501 section 7.4.2).
// extended says which.
func (m *message) appendStructure(b []byte, extended bool) ([]byte, error) {
	t, err := m.tree()
	if err != nil {
		return nil, err
	}
	return t.appendEntity(b, t.root, extended), nil
}

// appendEntity appends an entity with those in it.
func (t *tree) appendEntity(b []byte, e *entity.Entity, extended bool) []byte {
	if e.IsMultipart() {
		return t.appendMultipart(b, e, extended)
	}
	b = appendString(append(b, '('), e.Type)
	b = appendString(append(b, ' '), e.Subtype)
	params := e.Params
	if e.Type == "text" && e.Charset() == "" && !slices.ContainsFunc(params, isCharset) {
		params = append(slices.Clip(params), asciiCharset) // RFC 2045 section 5.2
	}
	b = appendParams(append(b, ' '), params)
	b = appendNString(append(b, ' '), e.ID)
	b = appendNString(append(b, ' '), e.Description)
	b = appendString(append(b, ' '), e.Encoding)
	_, size := t.span(e.Body)
	b = strconv.AppendInt(append(b, ' '), size, 10)
	switch {
	case e.Type == "message" && e.Subtype == "rfc822":
		b = t.appendInner(append(b, ' '), e, extended)
		b = strconv.AppendInt(append(b, ' '), t.lines(e.Body), 10)
	case e.Type == "text":
		b = strconv.AppendInt(append(b, ' '), t.lines(e.Body), 10)
	}
	if extended {
		b = appendNString(append(b, ' '), e.MD5)
		b = appendDisposition(append(b, ' '), e)
	}
	return append(b, ')')
}

// emptyText stands for what a structure must have and a message lacks: the child of a multipart
// without children, and the message in a message/rfc822 that is encoded.
const emptyText = `("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0)`

// asciiCharset is what a text without a character set has. Clients are used to see it: Dovecot and
// Cyrus send it.
var asciiCharset = header.Parameter{Name: "charset", Value: "us-ascii"}

// isCharset reports whether a parameter names a character set, also in sections (RFC 2231).
func isCharset(p header.Parameter) bool {
	name, _, _ := strings.Cut(p.Name, "*")
	return name == asciiCharset.Name
}

// emptyEnvelope is the envelope of a message that cannot be read.
const emptyEnvelope = "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"

func (t *tree) appendMultipart(b []byte, e *entity.Entity, extended bool) []byte {
	b = append(b, '(')
	for _, child := range e.Children {
		b = t.appendEntity(b, child, extended)
	}
	if len(e.Children) == 0 {
		b = append(b, emptyText...)
	}
	b = appendString(append(b, ' '), e.Subtype)
	if extended {
		b = appendParams(append(b, ' '), e.Params)
		b = appendDisposition(append(b, ' '), e)
	}
	return append(b, ')')
}

// appendInner appends the envelope and the structure of the message in a message/rfc822.
func (t *tree) appendInner(b []byte, e *entity.Entity, extended bool) []byte {
	if e.Message == nil {
		return append(b, emptyEnvelope+" "+emptyText...)
	}
	b = appendEnvelope(b, e.Message.Header.Of(t.skeleton.Text))
	return t.appendEntity(append(b, ' '), e.Message, extended)
}

func appendParams(b []byte, params entity.Params) []byte {
	if len(params) == 0 {
		return append(b, "NIL"...)
	}
	b = append(b, '(')
	for n, param := range params {
		b = appendString(space(b, n), param.Name)
		b = appendString(append(b, ' '), param.Value)
	}
	return append(b, ')')
}

// appendDisposition appends disposition, language and location.
func appendDisposition(b []byte, e *entity.Entity) []byte {
	if e.Disposition == "" {
		b = append(b, "NIL "...)
	} else {
		b = appendString(append(b, '('), e.Disposition)
		b = append(appendParams(append(b, ' '), e.DispositionParams), ") "...)
	}
	var languages []string
	for language := range strings.SplitSeq(e.Language, ",") {
		if language = strings.TrimSpace(language); language != "" {
			languages = append(languages, language)
		}
	}
	if len(languages) == 0 {
		b = append(b, "NIL"...)
	} else {
		b = append(b, '(')
		for n, language := range languages {
			b = appendString(space(b, n), language)
		}
		b = append(b, ')')
	}
	return appendNString(append(b, ' '), e.Location)
}
