// Package layout says where the bytes of an archived message are, so that a reader of a part of a
// message fetches only the chunks that the part needs.
//
//	record ── Of ──► Layout             the parts, with their places in the message     layout.go
//	                   ├ WriteRange     writes any range of the message                 range.go
//	                   └ Skeleton       the message without its attachments             skeleton.go
//
// The sizes of parts come from the index of the repository, which knows the length of each chunk.
// No mail is read for them.
package layout

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// ErrSizes reports that the parts of a message do not add up to the message.
var ErrSizes = errors.New("the parts do not add up to the message")

// Layout is a message as its parts.
type Layout struct {
	Size int64 // of the message

	contents *archive.Contents
	parts    []part
}

// part is a part of a message. Offsets and sizes are in bytes.
type part struct {
	kind   mail.PartKind
	recipe mail.Recipe
	chunks []piece

	offset, size int64 // in the message
	stored       int64 // sum of the chunks
}

// piece is a chunk of a part.
type piece struct {
	id   chunk.ID
	size int64
}

// Of returns the layout of a message. Its errors are errors of reading the archive.
func Of(ctx context.Context, c *archive.Contents, record *manifest.Record) (*Layout, error) {
	parts, err := record.PartList(c.Load(ctx))
	if err != nil {
		return nil, err
	}
	var ids []chunk.ID
	for _, p := range parts {
		ids = append(ids, p.Chunks...)
	}
	l := &Layout{Size: record.Size, contents: c}
	if len(ids) == 0 {
		return l, l.check(0)
	}
	places, err := c.Locate(ctx, ids)
	if err != nil {
		return nil, err
	}
	var at int64
	for _, p := range parts {
		if p.Kind == mail.Base64Part {
			if err := p.Recipe.Check(); err != nil {
				return nil, err
			}
		}
		next := part{kind: p.Kind, recipe: p.Recipe, offset: at}
		for i, id := range p.Chunks {
			next.chunks = append(next.chunks, piece{id, int64(places[i].Length)})
			next.stored += int64(places[i].Length)
		}
		places = places[len(p.Chunks):]
		if next.size = next.stored; p.Kind == mail.Base64Part {
			next.size = encodedSize(p.Recipe, next.stored)
		}
		at += next.size
		l.parts = append(l.parts, next)
	}
	return l, l.check(at)
}

// check compares the sum of the parts with the size of the message.
func (l *Layout) check(sum int64) error {
	if sum != l.Size {
		return fmt.Errorf("%w: %d bytes of %d", ErrSizes, sum, l.Size)
	}
	return nil
}

// encodedSize returns the size of a run of base64 lines that encodes n bytes.
func encodedSize(r mail.Recipe, n int64) int64 {
	characters := (n + 2) / 3 * 4
	size := characters + linesOf(r, n)*ending(r)
	if r.Unterminated {
		size -= ending(r)
	}
	return size
}

// linesOf returns the number of lines of a run that encodes n bytes.
func linesOf(r mail.Recipe, n int64) int64 {
	line := int64(r.LineLength)
	return ((n+2)/3*4 + line - 1) / line
}

// ending returns the size of the ending of a line of a run.
func ending(r mail.Recipe) int64 {
	if r.CRLF {
		return 2
	}
	return 1
}
