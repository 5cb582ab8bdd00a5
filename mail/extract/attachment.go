package extract

import (
	"io"
	"path"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/mail/entity"
)

// Attachment is an entity that is not shown as a part of the message: it is named, or is said to be
// an attachment, or is no text.
type Attachment struct {
	Name string // decoded, often empty; what the sender wrote: it can be a path, or have control characters
	Type string // media type, such as "application/pdf"
	Size int64  // bytes of the content

	// Entity is the attachment in the message, or in the encoded message within it.
	Entity *entity.Entity
	// Text is what could be read of it. That of a message is in Text.Body.
	Text string
	// Err says why a document has no text, if something can read documents of its kind.
	Err error

	message []byte
}

// Content returns a reader of the content.
func (a *Attachment) Content() io.Reader { return a.Entity.Reader(a.message) }

// isAttachment reports whether an entity without children is an attachment.
func isAttachment(e *entity.Entity, kind kind) bool {
	if kind == noText || e.Disposition == "attachment" || e.Name() != "" {
		return true
	}
	return e.Type != "text" && e.Type != "multipart" && e.Type != "message"
}

// attachment reads an attachment.
func (x *extraction) attachment(message []byte, e *entity.Entity, kind kind) {
	a := Attachment{Name: e.Name(), Type: e.MediaType(), Size: e.Size(message), Entity: e, message: message}
	i := len(x.text.Attachments)
	x.text.Attachments = append(x.text.Attachments, a)
	switch {
	case kind == messageKind:
		x.message(message, e)
	case x.room == 0:
	case kind != noText:
		a.Text = x.fit(x.read(message, e, kind))
	case x.documents != nil && x.documents.Reads(a.Type, a.Name):
		x.document(message, &a)
	}
	x.text.Attachments[i] = a
}

// document reads an attachment that is a document.
func (x *extraction) document(message []byte, a *Attachment) {
	if x.reading >= MaxTime {
		a.Err = ErrTime
		return
	}
	begin := time.Now()
	a.Text, a.Err = x.documents.Text(x.ctx, a.Type, a.Name, a.Entity.Decode(message), x.room)
	x.reading += time.Since(begin)
	a.Text = x.fit(readable(strings.ToValidUTF8(a.Text, "\uFFFD")))
}

// kind is how the text of an entity is read.
type kind int

const (
	noText kind = iota
	plainKind
	htmlKind
	calendarKind
	enrichedKind
	messageKind
)

// kindOf returns the kind of an entity without children.
func kindOf(e *entity.Entity) kind {
	switch {
	case e.Message != nil:
		return messageKind
	case e.Type == "text":
		if kind, ok := textKinds[e.Subtype]; ok {
			return kind
		}
		return plainKind
	case e.Type == "multipart":
		return plainKind // its boundary does not occur
	case e.Type == "message":
		switch e.Subtype {
		case "rfc822", "global":
			return messageKind
		case "partial": // RFC 2046 section 5.2.2: the first part has the begin of a message
			if e.Params.Raw("number") == "1" {
				return messageKind
			}
			return noText
		}
		return plainKind // reports
	}
	if kind, ok := otherKinds[e.MediaType()]; ok {
		return kind
	}
	return extensions[strings.ToLower(path.Ext(e.Name()))]
}

// textKinds are the kinds of subtypes of text that are not plain. RTF is for Documents.
var textKinds = map[string]kind{
	"html": htmlKind, "calendar": calendarKind, "enriched": enrichedKind, "richtext": enrichedKind, "rtf": noText,
}

// otherKinds are the kinds of types that are text under another name.
var otherKinds = map[string]kind{
	"application/xhtml+xml": htmlKind, "application/ics": calendarKind, "application/json": plainKind,
	"application/xml": plainKind, "application/x-patch": plainKind, "application/x-diff": plainKind,
}

// extensions are the kinds of files whose types are not known, by their names.
var extensions = map[string]kind{
	".txt": plainKind, ".text": plainKind, ".log": plainKind, ".csv": plainKind, ".md": plainKind, ".patch": plainKind,
	".diff": plainKind, ".json": plainKind, ".xml": plainKind, ".vcf": plainKind,
	".htm": htmlKind, ".html": htmlKind, ".ics": calendarKind, ".eml": messageKind,
}

// Reads reports whether Message reads text from the content of an entity. Type and name decide: the
// body need not be at hand.
func Reads(e *entity.Entity, documents Documents) bool {
	return kindOf(e) != noText || documents != nil && documents.Reads(e.MediaType(), e.Name())
}
