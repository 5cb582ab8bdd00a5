package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// ErrNotEqual reports that the parts of a message can be read, but are not, joined, the message
// that was archived.
var ErrNotEqual = errors.New("the joined parts are not the message that was archived")

// Body is the bytes of an archived message, which can be read more than once.
type Body interface {
	// WriteTo writes the whole message. If the bytes are not those that were archived, it returns
	// an error after it has written them, so they must not count before WriteTo has returned nil.
	WriteTo(ctx context.Context, w io.Writer) error

	// Verify reads the message and reports whether WriteTo would write the right bytes. Call it
	// before the first byte goes where it cannot be taken back, such as the literal of an APPEND.
	Verify(ctx context.Context) error
}

// message is a Body that reads the parts of a message chunk by chunk and joins them, so it needs
// little memory.
type message struct {
	contents *Contents
	record   *manifest.Record
}

// Body returns the bytes of an archived message.
func (c *Contents) Body(record *manifest.Record) Body { return &message{c, record} }

// Header returns the header of a message, up to and including the first empty line, or nothing if
// it has none.
func (c *Contents) Header(ctx context.Context, record *manifest.Record) ([]byte, error) {
	parts, err := record.PartList(c.Load(ctx))
	if err != nil || len(parts) == 0 || parts[0].Kind != mail.HeaderPart {
		return nil, err
	}
	header, err := joinChunks(ctx, c.chunks, parts[0].Chunks)
	if err != nil {
		return nil, &ReadError{Err: err}
	}
	return slices.Clone(header), nil
}

// HeaderFields returns the fields of a message's header that commands show, as the function of that
// name does.
func (c *Contents) HeaderFields(ctx context.Context, record *manifest.Record) ([]byte, error) {
	parts, err := record.PartList(c.Load(ctx))
	if err != nil {
		return nil, err
	}
	return HeaderFields(ctx, c.chunks, parts)
}

// WriteTo implements Body.
func (m *message) WriteTo(ctx context.Context, w io.Writer) error {
	j := m.contents.joiners.Get().(*joiner)
	defer m.contents.joiners.Put(j)
	return j.join(ctx, m.contents, m.record, w)
}

// Verify implements Body.
func (m *message) Verify(ctx context.Context) error { return m.WriteTo(ctx, io.Discard) }

// ReadError is an error of reading the archive, as opposed to one of the writer that the bytes go
// to.
type ReadError struct{ Err error }

func (e *ReadError) Error() string { return e.Err.Error() }
func (e *ReadError) Unwrap() error { return e.Err }

// joiner joins one message after the other, and hashes the result.
type joiner struct {
	parts  *mail.Joiner
	hasher *chunk.Hasher
	to     io.Writer
	size   int64
}

// Write implements io.Writer, for mail.Joiner.
func (j *joiner) Write(p []byte) (int, error) {
	j.hasher.Write(p)
	j.size += int64(len(p))
	return j.to.Write(p)
}

// join writes the message. It returns a ReadError unless the writer failed.
func (j *joiner) join(ctx context.Context, c *Contents, record *manifest.Record, to io.Writer) error {
	j.to, j.size = to, 0
	defer func() { j.to = nil }()
	j.hasher.Reset()
	j.parts.Reset(j)
	parts, err := record.PartList(c.Load(ctx))
	if err != nil {
		return &ReadError{Err: err}
	}
	for _, part := range parts {
		if err := j.joinPart(ctx, c, part); err != nil {
			return err
		}
	}
	if err := j.parts.Close(); err != nil {
		return asRead(err)
	}
	if hash := j.hasher.Sum(); hash != record.Hash || j.size != record.Size {
		return &ReadError{Err: fmt.Errorf("%w: %d bytes with hash %s, archived were %d with %s",
			ErrNotEqual, j.size, hash, record.Size, record.Hash)}
	}
	return nil
}

func (j *joiner) joinPart(ctx context.Context, c *Contents, part manifest.Part) error {
	if err := j.parts.Begin(part.Kind, part.Recipe); err != nil {
		return asRead(err)
	}
	for data, err := range c.chunksOf(ctx, part.Chunks) {
		if err != nil {
			return &ReadError{Err: err}
		}
		if _, err := j.parts.Write(data); err != nil {
			return asRead(err)
		}
	}
	return nil
}

// chunksOf yields the chunks of a part, in order. If there are many, it fetches some batches of
// frames ahead of the caller, and opens and checks some chunks ahead of it on other processors.
func (c *Contents) chunksOf(ctx context.Context, ids []chunk.ID) iter.Seq2[[]byte, error] {
	if len(ids) <= BodyBatch/4 {
		return func(yield func([]byte, error) bool) {
			for _, id := range ids {
				if !yield(c.chunks.Chunk(ctx, id)) {
					return
				}
			}
		}
	}
	batches := slices.Collect(slices.Chunk(ids, BodyBatch))
	fetched := inorder.Map(ctx, batchesAhead, inorder.Slice(batches), func(ctx context.Context, ids []chunk.ID) ([]chunk.ID, error) {
		c.PrefetchChunks(ctx, ids)
		return ids, nil
	})
	each := func(yield func(chunk.ID, error) bool) {
		for ids, err := range fetched {
			for _, id := range ids {
				if !yield(id, nil) {
					return
				}
			}
			if err != nil && !yield(chunk.ID{}, err) {
				return
			}
		}
	}
	return inorder.Map(ctx, chunksAhead, each, c.chunks.Chunk)
}

// asRead marks an error of a mail.Joiner as a ReadError, unless it is of the writer behind it.
func asRead(err error) error {
	if errors.Is(err, mail.ErrJoin) || errors.Is(err, mail.ErrRecipe) {
		return &ReadError{Err: err}
	}
	return err
}

const (
	// BodyBatch is the number of chunks of a long message that are fetched together: some 5 MiB.
	BodyBatch = 64

	// batchesAhead is how many batches are fetched while one is written.
	batchesAhead = 2

	// chunksAhead is how many chunks are checked while one is written.
	chunksAhead = 4
)
