package imapserver

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/mailstrata/mailstrata/mail/entity"
	"github.com/mailstrata/mailstrata/serve/internal/command"
	"github.com/mailstrata/mailstrata/serve/view"
)

// heldBody is the largest body that is in memory before its response begins. Damage of larger ones
// is looked for by reading them once more, as long as the second reading finds them in memory;
// verifiedBody is the largest of these. Beyond that a damaged message ends the connection.
const (
	heldBody     = 256 << 10
	verifiedBody = 16 << 20
)

// body is the bytes of a section: text, or a range of the message.
type body struct {
	missing bool   // there is no such part: NIL
	text    []byte // if size is 0

	offset, size int64 // in the message
	whole        bool  // it is the message
}

// sendMessage sends the response for a message.
func (f *fetcher) sendMessage(ctx context.Context, m view.Message) error {
	p := f.message(ctx, m)
	bodies := make([]body, len(f.items))
	var b []byte
	for n, item := range f.items {
		if sourceOf(item) != ofBodies {
			continue
		}
		var err error
		if bodies[n], err = p.find(item.Section); err != nil {
			return err
		}
		if err = p.prepare(&bodies[n], heldBody/int64(f.bodies)); err != nil {
			return err
		}
	}
	b = f.begin(nil, m.Index)
	for n, item := range f.items {
		b = space(b, n)
		x := &bodies[n]
		if sourceOf(item) != ofBodies {
			var err error
			if b, err = f.item(p, b, item); err != nil {
				return f.midway(err, n)
			}
			continue
		}
		if x.missing {
			b = appendSection(b, item.Section, nil)
			continue
		}
		if x.size == 0 {
			b = appendSection(b, item.Section, notNil(x.text))
			continue
		}
		b = append(appendName(b, item.Section), " {"...)
		b = append(strconv.AppendInt(b, x.size, 10), "}\r\n"...)
		if _, err := f.out.Write(b); err != nil {
			return errGone
		}
		b = b[:0]
		if err := p.write(f.out, x); err != nil {
			f.server.o.Log("a connection ends in the middle of UID %d of %s: %v",
				f.list.UID(m.Index), printable(f.selected.mailbox.Name), err)
			return errGone
		}
	}
	if _, err := f.out.Write(append(b, ")\r\n"...)); err != nil {
		return errGone
	}
	return nil
}

// midway returns an error for the item with a number. If a part of the response was sent, the
// connection cannot go on.
func (f *fetcher) midway(err error, n int) error {
	for _, item := range f.items[:n] {
		if sourceOf(item) == ofBodies {
			return errGone
		}
	}
	return err
}

func notNil(text []byte) []byte {
	if text == nil {
		return []byte{}
	}
	return text
}

// prepare reads a body of up to so many bytes, or verifies a larger one.
func (m *message) prepare(x *body, held int64) error {
	switch {
	case x.size == 0:
		return nil
	case x.size <= held:
		var b bytes.Buffer
		b.Grow(int(x.size))
		if err := m.write(&b, x); err != nil {
			return err
		}
		x.text, x.size = b.Bytes(), 0
		return nil
	case x.size <= verifiedBody:
		return m.write(io.Discard, x)
	}
	return nil
}

// write writes the bytes of a range. Of a whole message it checks the hash, too.
func (m *message) write(w io.Writer, x *body) error {
	if x.whole {
		return m.contents.Body(m.Record).WriteTo(m.ctx, w)
	}
	l, err := m.layout()
	if err != nil {
		return err
	}
	return l.WriteRange(m.ctx, w, x.offset, x.size)
}

// find returns where a section is.
func (m *message) find(s *command.Section) (x body, err error) {
	switch {
	case len(s.Part) == 0 && s.Of == command.Whole:
		x = body{size: m.Record.Size, whole: !s.Partial}
	case len(s.Part) == 0:
		header, err := m.header()
		if err != nil {
			return x, err
		}
		if s.Of != command.Text {
			x.text = filter(header, s)
			break
		}
		x = body{offset: int64(len(header)), size: m.Record.Size - int64(len(header))}
	default:
		if x, err = m.findPart(s); err != nil || x.missing {
			return x, err
		}
	}
	x.cut(s)
	return x, nil
}

// findPart returns where a section of a part is.
func (m *message) findPart(s *command.Section) (x body, err error) {
	t, err := m.tree()
	if err != nil {
		return x, err
	}
	e := t.part(s.Part)
	if e == nil {
		return body{missing: true}, nil
	}
	if s.Of != command.Whole && s.Of != command.MIME {
		if e = e.Message; e == nil {
			return body{missing: true}, nil // only a message within the message has a header and a text
		}
	}
	r := e.Body
	if s.Of != command.Whole && s.Of != command.Text {
		r = e.Header
	}
	x.offset, x.size = t.span(r)
	if s.Of != command.Fields && s.Of != command.FieldsNot || x.size == 0 {
		return x, nil
	}
	return body{text: filter(r.Of(t.skeleton.Text), s)}, nil // base64 lines, which the skeleton lacks, are no fields
}

// cut applies a partial fetch. Beyond the end there is nothing (RFC 3501 section 6.4.5).
func (b *body) cut(s *command.Section) {
	if !s.Partial {
		return
	}
	if b.size == 0 {
		from := min(s.Offset, int64(len(b.text)))
		b.text = b.text[from:min(from+s.Length, int64(len(b.text)))]
		return
	}
	from := min(s.Offset, b.size)
	b.offset, b.size = b.offset+from, min(s.Length, b.size-from)
}

// section returns a section that is read whole: a header, or some fields. It is nil if there is no
// such part.
func (m *message) section(s *command.Section) ([]byte, error) {
	x, err := m.find(s)
	if err != nil || x.missing {
		return nil, err
	}
	if x.size > 0 {
		var b bytes.Buffer
		if err := m.write(&b, &x); err != nil {
			return nil, err
		}
		return b.Bytes(), nil
	}
	return notNil(x.text), nil
}

// appendSection appends a section with its bytes, or NIL.
func appendSection(b []byte, s *command.Section, text []byte) []byte {
	b = append(appendName(b, s), ' ')
	if text == nil {
		return append(b, "NIL"...)
	}
	b = append(b, '{')
	b = append(strconv.AppendInt(b, int64(len(text)), 10), "}\r\n"...)
	return append(b, text...)
}

func appendName(b []byte, s *command.Section) []byte { return append(b, s.Format(astring)...) }

// filter returns a header, or those of its fields that a section wants, with the empty line at the
// end.
func filter(header []byte, s *command.Section) []byte {
	if s.Of == command.Header || s.Of == command.MIME {
		return header
	}
	var kept []byte
	wanted := false
	for line := range bytes.Lines(header) {
		if line[0] != ' ' && line[0] != '\t' {
			name, _, isField := bytes.Cut(line, []byte(":"))
			wanted = isField && isNamed(s.Fields, string(bytes.TrimRight(name, " \t"))) == (s.Of == command.Fields)
		}
		if wanted {
			kept = append(kept, line...)
		}
	}
	if n := len(kept); n > 0 && kept[n-1] != '\n' {
		kept = append(kept, "\r\n"...)
	}
	return append(kept, "\r\n"...)
}

func isNamed(fields []string, name string) bool {
	return slices.ContainsFunc(fields, func(field string) bool { return strings.EqualFold(field, name) })
}

// part returns the entity with a number, such as 1.2 (RFC 3501 section 6.4.5), or nil.
func (t *tree) part(number []uint32) *entity.Entity {
	e := t.root
	for depth, n := range number {
		if depth > 0 && !e.IsMultipart() {
			if e = e.Message; e == nil {
				return nil
			}
		}
		switch {
		case e.IsMultipart() && int64(n) <= int64(len(e.Children)):
			e = e.Children[n-1]
		case e.IsMultipart() || n != 1:
			return nil
		}
	}
	return e
}
