package extract

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/internal/header"
	"github.com/mailstrata/mailstrata/mail/entity"
)

const (
	// MaxText is the largest number of bytes of text of a message, and of HTML that is read of an
	// entity. It bounds the memory for one message. A book of 1,000 pages has some 2 MB.
	MaxText = 8 << 20
	// MaxNested is how many messages within messages are decoded, each within the other. Messages
	// that are not encoded do not count: entity.MaxDepth bounds them.
	MaxNested = 10
	// MaxTime is how long the documents of a message are read. It is looked at before each. A
	// message can have thousands, and a document that is made to harm takes as long as it may.
	// Waiting for documents of other messages counts, so it is long.
	MaxTime = 10 * time.Minute
)

// ErrTime is the error of a document that is not read, because those before it in the message took
// MaxTime.
var ErrTime = errors.New("the documents of this message take too long")

// Text is the readable text of a message, in UTF-8. Its lines are not those of the message.
type Text struct {
	From    string // all fields From
	To      string // all fields To, Cc and Bcc, one a line
	Subject string

	// Body has the text of each entity that is not an attachment, in the order of the message. That
	// of a message within the message begins with its sender, recipients and subject.
	Body []string

	Attachments []Attachment

	// Truncated reports that the text had more than MaxText bytes, and that what is beyond is
	// missing.
	Truncated bool
}

// Documents reads the text of documents. Package mail/document implements it. It is used by several
// goroutines at once.
type Documents interface {
	// Reads reports whether documents of this media type, or with this file name, can be read.
	Reads(mediaType, name string) bool
	// Text returns the text of a document, of at most limit bytes. An error, also that of ctx,
	// concerns only the document. If it is errors.ErrUnsupported, no document of this kind can be
	// read here and now.
	Text(ctx context.Context, mediaType, name string, document []byte, limit int) (string, error)
}

// Message returns the text of a message. documents can be nil: then text of documents is left out.
// When ctx is done, what is not read yet is left out.
func Message(ctx context.Context, message []byte, documents Documents) *Text {
	x := &extraction{ctx: ctx, documents: documents, room: MaxText}
	root := entity.Parse(message)
	head := root.Header.Of(message)
	x.text.From = x.fields(head, "From")
	x.text.To = x.fields(head, "To", "Cc", "Bcc")
	x.text.Subject = x.fields(head, "Subject")
	x.add(brokenLines(head))
	x.entity(message, root)
	return &x.text
}

// Attachments returns the attachments of a message without their text.
func Attachments(message []byte) []Attachment {
	x := &extraction{ctx: context.Background()}
	x.entity(message, entity.Parse(message))
	return x.text.Attachments
}

// extraction is the work on one message.
type extraction struct {
	ctx       context.Context
	documents Documents
	text      Text
	room      int           // how many bytes of text may be added
	nested    int           // encoded messages around the current one
	reading   time.Duration // how long documents were read
}

// add adds a text to the body.
func (x *extraction) add(text string) {
	if text = x.fit(strings.TrimSpace(text)); text != "" {
		x.text.Body = append(x.text.Body, text)
	}
}

// fit returns as much of a text as there is room for, and takes the room.
func (x *extraction) fit(text string) string {
	if len(text) > x.room {
		text = strings.ToValidUTF8(text[:x.room], "")
		x.room, x.text.Truncated = 0, true
		return text
	}
	x.room -= len(text)
	return text
}

// fields returns the decoded values of all fields of these names, one a line.
func (x *extraction) fields(head []byte, names ...string) string {
	var values []string
	for value := range header.Texts(head[:min(len(head), entity.MaxFields)], names...) {
		values = append(values, value)
	}
	return x.fit(readable(strings.Join(values, "\n")))
}

// entity reads an entity of a message, and those in it.
func (x *extraction) entity(message []byte, e *entity.Entity) {
	if x.ctx.Err() != nil {
		return
	}
	if len(e.Children) > 0 {
		for _, child := range e.Children {
			x.add(brokenLines(child.Header.Of(message)))
			x.entity(message, child)
		}
		return
	}
	kind := kindOf(e)
	if isAttachment(e, kind) {
		x.attachment(message, e, kind)
		return
	}
	switch {
	case kind == messageKind:
		x.message(message, e)
	case x.room > 0:
		x.add(x.read(message, e, kind))
	}
}

// message reads a message that is the body of e.
func (x *extraction) message(message []byte, e *entity.Entity) {
	inner := e.Message
	if inner == nil {
		if x.nested == MaxNested {
			return
		}
		x.nested++
		defer func() { x.nested-- }()
		message = e.Decode(message)
		inner = entity.Parse(message)
	}
	head := inner.Header.Of(message)
	x.add(x.fields(head, "From", "To", "Cc", "Bcc", "Subject"))
	x.add(brokenLines(head))
	x.entity(message, inner)
}

// brokenLines returns the lines of a header that are no fields: programs folded lines without the
// blank that must be there, and people read such lines as what they were.
func brokenLines(head []byte) string {
	var b strings.Builder
	broken := false
	for line := range header.Lines(head[:min(len(head), entity.MaxFields)]) {
		if len(line) == 0 || line[0] != ' ' && line[0] != '\t' {
			broken = !header.IsField(line) && !bytes.HasPrefix(line, []byte("From "))
		}
		if broken {
			b.WriteString(header.Decode(string(line)))
			b.WriteByte('\n')
		}
	}
	return b.String()
}
