package archive

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// ErrNotEqual: the parts of an archived message can be read, but joined they are not the message that was archived.
var ErrNotEqual = errors.New("the joined parts are not the message that was archived")

// Body is an archived message's bytes, which can be read more than once.
type Body interface {
	// WriteTo writes the whole message. It returns an error, after having written, when the bytes are not those that
	// were archived: a writer must not let them count before WriteTo has returned nil.
	WriteTo(ctx context.Context, w io.Writer) error

	// Verify makes sure that a WriteTo will give the right bytes, before the first of them is sent to where it cannot
	// be taken back (an APPEND's literal).
	Verify(ctx context.Context) error
}

// message is an archived message as a Body: its parts, read chunk by chunk and joined, whatever its size.
type message struct {
	contents *Contents
	record   *manifest.Record
}

// Body gives the bytes of an archived message.
func (c *Contents) Body(record *manifest.Record) Body { return &message{c, record} }

// Header gives a message's header, up to and including the first empty line; nothing where it has none.
func (c *Contents) Header(ctx context.Context, record *manifest.Record) ([]byte, error) {
	parts, err := record.PartList(c.Load(ctx))
	if err != nil || len(parts) == 0 || parts[0].Kind != mail.HeaderPart {
		return nil, err
	}
	var header []byte
	for _, id := range parts[0].Chunks {
		data, err := c.chunks.Chunk(ctx, id)
		if err != nil {
			return nil, &ReadError{Err: err}
		}
		header = append(header, data...)
	}
	return header, nil
}

// WriteTo implements Body.
func (m *message) WriteTo(ctx context.Context, w io.Writer) error {
	j := m.contents.joiners.Get().(*joiner)
	defer m.contents.joiners.Put(j)
	return j.join(ctx, m.contents, m.record, w)
}

// Verify implements Body.
func (m *message) Verify(ctx context.Context) error { return m.WriteTo(ctx, io.Discard) }

// ReadError marks an error of reading the archive, so that it is told from one of the writer that the bytes go to.
type ReadError struct{ Err error }

func (e *ReadError) Error() string { return e.Err.Error() }
func (e *ReadError) Unwrap() error { return e.Err }

// joiner joins one message after the other, and hashes what it joins.
type joiner struct {
	parts  *mail.Joiner
	hasher *chunk.Hasher
	to     io.Writer
	size   int64
}

// Write implements io.Writer for what mail.Joiner gives.
func (j *joiner) Write(p []byte) (int, error) {
	j.hasher.Write(p)
	j.size += int64(len(p))
	return j.to.Write(p)
}

// join writes the message. What is not the writer's fault is a ReadError.
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
		return &ReadError{Err: fmt.Errorf("%w: %d bytes with hash %s, archived were %d with %s", ErrNotEqual, j.size, hash, record.Size, record.Hash)}
	}
	return nil
}

func (j *joiner) joinPart(ctx context.Context, c *Contents, part manifest.Part) error {
	if err := j.parts.Begin(part.Kind, part.Recipe); err != nil {
		return asRead(err)
	}
	for i, id := range part.Chunks {
		if i%BodyBatch == 0 && len(part.Chunks) > BodyBatch/4 {
			c.PrefetchChunks(ctx, part.Chunks[i:min(i+BodyBatch, len(part.Chunks))])
		}
		data, err := c.chunks.Chunk(ctx, id)
		if err != nil {
			return &ReadError{Err: err}
		}
		if _, err := j.parts.Write(data); err != nil {
			return asRead(err)
		}
	}
	return nil
}

// asRead marks those errors of a mail.Joiner as errors of reading that are its own.
func asRead(err error) error {
	if errors.Is(err, mail.ErrJoin) || errors.Is(err, mail.ErrRecipe) {
		return &ReadError{Err: err}
	}
	return err
}

// BodyBatch is how many chunks of a long message are fetched together: some five frames.
const BodyBatch = 64
