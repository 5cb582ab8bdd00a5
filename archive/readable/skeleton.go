package readable

import (
	"bytes"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/mail/entity"
)

// skeleton reads a message without its Base64 parts, and decides which of these are wanted.
//
//	Content-Type: image/png; name=a.png CRLF
//	Content-Transfer-Encoding: base64 CRLF CRLF
//	                                                ◄── the offset of a body: in an entity of the type image/png
//	CRLF --b CRLF …
func (r *reader[T]) skeleton(e *entry[T]) error {
	e.Raw = make([]byte, 0, e.textSize())
	for i := range e.parts {
		p := &e.parts[i]
		if p.Kind == mail.Base64Part {
			e.bodies = append(e.bodies, &base64Part{part: p, offset: len(e.Raw)})
			continue
		}
		for _, id := range p.Chunks {
			if len(e.Raw) >= MaxText {
				e.Cut = true
				break
			}
			data, err := r.load(id)
			if err != nil {
				return err
			}
			e.Raw = append(e.Raw, data...)
		}
	}
	if len(e.bodies) == 0 {
		return nil
	}
	all := list(entity.Parse(e.Raw))
	for _, b := range e.bodies {
		in := innermost(all, b.offset)
		b.wanted, b.isText = r.Wants == nil || r.Wants(in), in.Type == "text"
	}
	return nil
}

// list returns the entities of a message, in the order of their bodies' beginnings.
func list(root *entity.Entity) (all []*entity.Entity) {
	for e := range root.All() {
		all = append(all, e)
	}
	return all
}

// innermost returns the entity whose body an offset is in. Of two that end there, it is the inner
// one.
func innermost(all []*entity.Entity, offset int) *entity.Entity {
	found := all[0]
	for _, e := range all {
		if e.Body.Offset <= offset && offset <= e.Body.End() {
			found = e // entities come before those in them
		}
	}
	return found
}

// join puts the bodies that are wanted into the message.
func (r *reader[T]) join(e *entry[T]) error {
	var out bytes.Buffer
	at := 0
	for _, b := range e.bodies {
		out.Write(e.Raw[at:b.offset])
		at = b.offset
		if !b.wanted {
			e.Left = append(e.Left, Body{out.Len(), b.part, b.size()})
			continue
		}
		e.Cut = e.Cut || b.readable() < len(b.part.Chunks)
		if err := r.encode(&out, b); err != nil {
			return r.damaged(e, err)
		}
	}
	if len(e.bodies) > len(e.Left) {
		out.Write(e.Raw[at:])
		e.Raw = out.Bytes()
	}
	return nil
}

// size returns the bytes of a body, decoded.
func (b *base64Part) size() (size int64) {
	for i := range b.at {
		size += int64(b.at[i].Length)
	}
	return size
}

// readable returns how many chunks of the body are read: none if it is not wanted, else those that
// begin within MaxBody.
func (b *base64Part) readable() (chunks int) {
	if !b.wanted {
		return 0
	}
	size := int64(0)
	for chunks < len(b.at) && size < MaxBody {
		size += int64(b.at[chunks].Length)
		chunks++
	}
	return chunks
}

// encode writes what is read of a body, as it is in the message.
func (r *reader[T]) encode(out *bytes.Buffer, b *base64Part) error {
	j := mail.NewJoiner(out)
	if err := j.Begin(b.part.Kind, b.part.Recipe); err != nil {
		return err
	}
	for _, id := range b.part.Chunks[:b.readable()] {
		data, err := r.load(id)
		if err != nil {
			return err
		}
		if _, err := j.Write(data); err != nil {
			return err
		}
	}
	return j.Close()
}
