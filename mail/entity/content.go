package entity

import (
	"strings"

	"github.com/mailstrata/mailstrata/internal/header"
)

// readFields fills e with what the fields of its header say. Of a field that occurs twice, the
// first counts.
func (e *Entity) readFields(fields []byte, digest bool) {
	e.Type, e.Subtype, e.Encoding = "text", "plain", "7bit" // RFC 2045 sections 5.2 and 6.1
	if digest {
		e.Type, e.Subtype = "message", "rfc822" // RFC 2046 section 5.1.5
	}
	seen := 0
	for name, value := range header.Fields(fields[:min(len(fields), MaxFields)]) {
		if len(name) < len("content-") || !strings.EqualFold(name[:len("content-")], "content-") {
			continue
		}
		number, known := contentFields[strings.ToLower(name[len("content-"):])]
		if !known || seen&(1<<number) != 0 {
			continue
		}
		seen |= 1 << number
		e.setField(number, value)
	}
}

// The fields that describe an entity, by their names after "Content-".
const (
	typeField = iota
	encodingField
	dispositionField
	idField
	descriptionField
	languageField
	locationField
	md5Field
)

var contentFields = map[string]int{
	"type": typeField, "transfer-encoding": encodingField, "disposition": dispositionField, "id": idField,
	"description": descriptionField, "language": languageField, "location": locationField, "md5": md5Field,
}

func (e *Entity) setField(number int, value string) {
	switch number {
	case typeField:
		kind, sub, ok := strings.Cut(header.Value(value), "/")
		if kind, sub = token(kind), token(sub); ok && kind != "" && sub != "" {
			e.Type, e.Subtype = kind, sub
		} else {
			e.Type, e.Subtype = "text", "plain"
		}
		e.Params = header.RawParameters(value)
	case encodingField:
		if encoding := token(value); encoding != "" {
			e.Encoding = encoding
		}
	case dispositionField:
		e.Disposition, e.DispositionParams = token(header.Value(value)), header.RawParameters(value)
	case idField:
		e.ID = value
	case descriptionField:
		e.Description = value
	case languageField:
		e.Language = value
	case locationField:
		e.Location = value
	case md5Field:
		e.MD5 = value
	}
}

// token returns the first token of a text (RFC 2045 section 5.1) in lower case.
func token(text string) string {
	text = strings.TrimLeft(text, " \t\"")
	if end := strings.IndexFunc(text, func(r rune) bool { return r <= ' ' || strings.ContainsRune(`()<>@,;:\"/[]?=`, r) }); end >= 0 {
		text = text[:end]
	}
	return strings.ToLower(text)
}

// boundary returns the boundary of a multipart (RFC 2046 section 5.1.1), or an empty string.
func (e *Entity) boundary() string {
	if !e.IsMultipart() {
		return ""
	}
	boundary := e.Params.Raw("boundary")
	if boundary == "" {
		boundary = e.Params.Decoded("boundary") // in sections
	}
	return strings.TrimRight(boundary, " \t\r\n")
}

// isMessage reports whether the body is a message that can be parsed where it is: not encoded, as
// RFC 2046 section 5.2.1 requires.
func (e *Entity) isMessage() bool {
	return e.Type == "message" && (e.Subtype == "rfc822" || e.Subtype == "global") && e.isIdentity()
}

// isIdentity reports whether the body is its own content.
func (e *Entity) isIdentity() bool { return decoderOf(e.Encoding) == nil }
