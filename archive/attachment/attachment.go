// Package attachment lists the attachments of messages, and reads their content, without reading
// messages whole.
//
// A message is read without its Base64 parts (package readable). An attachment whose content is one
// of these parts is known by the chunks of the part: equal content has equal chunks, so a list of a
// thousand messages shows the same file once and reads none of it. The content of others, such as
// text files, is in the rest of the message.
//
// [Dir] writes attachments as files, with names that are safe whatever their senders chose.
package attachment

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/readable"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail/entity"
	"github.com/mailstrata/mailstrata/mail/extract"
	"github.com/mailstrata/mailstrata/manifest"
)

// Attachment is an attachment of a message.
type Attachment struct {
	Name string   // decoded, often empty; what the sender wrote: it can be a path, or have control characters
	Type string   // media type
	Size int64    // bytes of the content
	ID   chunk.ID // equal for equal contents within a repository, unless they are encoded in different ways

	ContentID string // by which the text of the message refers to it, without brackets; often empty

	record  *manifest.Record
	number  int            // among the attachments of the message
	part    *manifest.Part // has the content; nil: it is not one part
	content []byte         // if part is nil
	broken  bool           // the content is neither: the message must be read
}

// Message is a message with its attachments.
type Message[T any] struct {
	Item        T
	Header      []byte
	Attachments []Attachment
	Err         error // why the message cannot be read: damage
}

// Lister lists attachments.
type Lister struct {
	Chunks archive.ChunkReader
	Key    chunk.Key // of the repository's chunks
}

// Of yields the messages of a sequence with their attachments, in its order. An error of the
// sequence is yielded in its turn.
func Of[T any](
	ctx context.Context, l Lister, items iter.Seq2[T, error], recordOf func(T) *manifest.Record,
) iter.Seq2[Message[T], error] {
	read := readable.Messages(ctx, readable.Options[T]{
		Chunks: l.Chunks, Record: recordOf, Wants: func(*entity.Entity) bool { return false }, Sizes: true,
	}, items)
	return func(yield func(Message[T], error) bool) {
		for m, err := range read {
			found := Message[T]{Item: m.Item, Err: m.Err}
			if err == nil && m.Err == nil {
				found.Header = entity.Parse(m.Raw).Header.Of(m.Raw)
				found.Attachments = l.list(recordOf(m.Item), m.Raw, m.Left)
			}
			if !yield(found, err) {
				return
			}
		}
	}
}

// list returns the attachments of a message without the bodies that were left out.
func (l *Lister) list(record *manifest.Record, raw []byte, left []readable.Body) (all []Attachment) {
	for i, a := range extract.Attachments(raw) {
		found := Attachment{
			Name: a.Name, Type: a.Type, ContentID: strings.Trim(a.Entity.ID, "<> "), record: record,
			number: i,
		}
		var bodies []readable.Body
		for _, b := range left {
			if a.Entity.Body.Offset <= b.Offset && b.Offset <= a.Entity.Body.End() {
				bodies = append(bodies, b)
			}
		}
		switch {
		case len(bodies) == 0:
			found.content, _ = io.ReadAll(a.Content())
			found.Size, found.ID = int64(len(found.content)), l.Key.Sum(found.content)
		case len(bodies) == 1 && a.Entity.Encoding == "base64" && len(bytes.TrimSpace(a.Entity.Body.Of(raw))) == 0:
			found.part, found.Size, found.ID = bodies[0].Part, bodies[0].Size, l.partID(bodies[0].Part)
		default:
			found.broken, found.Size = true, a.Size
			for _, b := range bodies {
				found.Size += b.Size
			}
			found.ID = l.Key.Sum(fmt.Appendf(nil, "%s %d", record.Hash, i))
		}
		all = append(all, found)
	}
	return all
}

// partID returns the ID of the content of a part: that of its chunk if it has only one, as for
// content that is not in a part.
func (l *Lister) partID(p *manifest.Part) chunk.ID {
	if len(p.Chunks) == 1 {
		return p.Chunks[0]
	}
	ids := []byte("chunks")
	for _, id := range p.Chunks {
		ids = append(ids, id[:]...)
	}
	return l.Key.Sum(ids)
}

// WriteTo writes the content of an attachment of a message of c. If it is damaged, some bytes may
// be written before the error.
func (a *Attachment) WriteTo(ctx context.Context, c *archive.Contents, w io.Writer) error {
	switch {
	case a.part != nil:
		for i := 0; i < len(a.part.Chunks); i += archive.BodyBatch {
			ids := a.part.Chunks[i:min(i+archive.BodyBatch, len(a.part.Chunks))]
			c.PrefetchChunks(ctx, ids)
			for _, id := range ids {
				data, err := c.Chunk(ctx, id)
				if err == nil {
					_, err = w.Write(data)
				}
				if err != nil {
					return err
				}
			}
		}
		return nil
	case !a.broken:
		_, err := w.Write(a.content)
		return err
	}
	var message bytes.Buffer
	if err := c.Body(a.record).WriteTo(ctx, &message); err != nil {
		return err
	}
	all := extract.Attachments(message.Bytes())
	if a.number >= len(all) {
		return fmt.Errorf("the message has %d attachments, not %d", len(all), a.number+1)
	}
	_, err := io.Copy(w, all[a.number].Content())
	return err
}
