package entity

import (
	"iter"

	"github.com/mailstrata/mailstrata/internal/header"
)

// Range is a range of the bytes of a message.
type Range struct{ Offset, Length int }

// End returns the offset of the first byte after the range.
func (r Range) End() int { return r.Offset + r.Length }

// Of returns the bytes of the range. They share the memory of the message.
func (r Range) Of(message []byte) []byte { return message[r.Offset:r.End():r.End()] }

// Entity is a header and a body (RFC 2045 section 2.4). Text is as the message has it, unfolded but
// not decoded, and valid UTF-8 or not: that is what IMAP's BODYSTRUCTURE needs.
type Entity struct {
	// Header has the fields and the empty line that ends them. It can be empty.
	Header Range
	// Body begins where Header ends. The line break before a delimiter is not a part of it (RFC
	// 2046 section 5.1.1).
	Body Range

	Type, Subtype string // in lower case; where the message names none, the default at that place
	Params        Params // of Content-Type

	Encoding string // Content-Transfer-Encoding in lower case, "7bit" if there is none

	Disposition       string // Content-Disposition in lower case, often "inline" or "attachment", or empty
	DispositionParams Params

	ID          string // Content-ID, with its angle brackets
	Description string // Content-Description
	Language    string // Content-Language, a list with commas
	Location    string // Content-Location
	MD5         string // Content-MD5

	Children []*Entity // of a multipart
	Message  *Entity   // of a message/rfc822 or message/global whose body is not encoded
}

// MediaType returns type and subtype, such as "text/plain".
func (e *Entity) MediaType() string { return e.Type + "/" + e.Subtype }

// IsMultipart reports whether the type is multipart. Such an entity need not have children.
func (e *Entity) IsMultipart() bool { return e.Type == "multipart" }

// Name returns the decoded file name of the entity: that of Content-Disposition, or else that of
// Content-Type. It is empty if the entity has none. It is what the sender wrote, and can be a path
// or contain control characters.
func (e *Entity) Name() string {
	if name := e.DispositionParams.Decoded("filename"); name != "" {
		return name
	}
	return e.Params.Decoded("name")
}

// Charset returns the value of the parameter charset, or an empty string.
func (e *Entity) Charset() string { return e.Params.Decoded("charset") }

// All yields the entity and all entities below it, in the order of the message.
func (e *Entity) All() iter.Seq[*Entity] {
	return func(yield func(*Entity) bool) { e.walk(yield) }
}

func (e *Entity) walk(yield func(*Entity) bool) bool {
	if !yield(e) {
		return false
	}
	if e.Message != nil && !e.Message.walk(yield) {
		return false
	}
	for _, child := range e.Children {
		if !child.walk(yield) {
			return false
		}
	}
	return true
}

// Params are the parameters of a field as the message has them, in their order, without quotes.
// Names are in lower case.
type Params []header.Parameter

// Raw returns the value of the first parameter with exactly that name.
func (p Params) Raw(name string) string {
	for _, param := range p {
		if param.Name == name {
			return param.Value
		}
	}
	return ""
}

// Decoded returns a value in UTF-8, joined from its sections and decoded (RFC 2231, and RFC 2047
// within quotes, which no RFC allows and many programs write).
func (p Params) Decoded(name string) string {
	if len(p) == 0 {
		return ""
	}
	return header.DecodedParameter(p, name)
}
