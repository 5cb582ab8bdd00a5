package archive

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/recovery"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// MessageWriter stores messages. It splits each into parts, cuts the parts into chunks, and puts the chunks into the
// repository. Its buffers are used again for each message, so it is for one goroutine.
type MessageWriter struct {
	stream    *repo.Stream
	cutter    *chunk.Cutter
	hasher    *chunk.Hasher
	splitter  *mail.Splitter
	prober    prober
	log       *recovery.Log
	writer    *repo.Writer
	erased    *statement.Erasures // nil: not read yet
	ids       *chunk.Hasher
	held      []heldChunk
	heldBytes int
}

// NewMessageWriter returns a MessageWriter. Unless log is nil, it also writes each message to that recovery log.
func NewMessageWriter(r *repo.Repo, w *repo.Writer, log *recovery.Log) *MessageWriter {
	return &MessageWriter{
		stream: w.Stream(), cutter: r.Cutter(), hasher: r.MessageHasher(), splitter: mail.NewSplitter(nil),
		prober: prober{hasher: r.MessageHasher()}, log: log, writer: w, ids: r.ChunkKey().New(),
	}
}

func (w *MessageWriter) Close() { w.stream.Close() }

// Stored says where a message is stored.
type Stored struct {
	Size  int64
	Hash  chunk.ID
	Parts []manifest.Part
	List  chunk.ID // the list of parts, if they are too many for the record
	Probe chunk.Prefix

	Opening chunk.Prefix
}

// StoredIn returns the Stored of a record.
func StoredIn(r *manifest.Record) Stored {
	return Stored{Size: r.Size, Hash: r.Hash, Parts: r.Parts, List: r.List, Probe: r.Probe, Opening: r.Opening}
}

// SetIn sets the fields of a record.
func (f Stored) SetIn(r *manifest.Record) {
	r.Size, r.Hash, r.Parts, r.List, r.Probe, r.Opening = f.Size, f.Hash, f.Parts, f.List, f.Probe, f.Opening
}

// Write stores the message that it reads from body, and writes it to the recovery log under a key. If size is not 0, and the
// message has that size, it makes a probe. An error of body is returned as it is. Chunks that were stored before it do no harm,
// because nothing refers to them.
//
// If the message was erased from the repository, Write does not store it and returns repo.ErrErased.
//
// Write does not heed the end of ctx: body must return an error then. A chunk that is claimed and not put would end the
// repo.Writer, and with it everything that the run has stored.
func (w *MessageWriter) Write(ctx context.Context, key []byte, size int64, body io.Reader) (Stored, error) {
	entry := w.log.Begin(key)
	m, err := w.split(context.WithoutCancel(ctx), size, io.TeeReader(body, entry))
	if err != nil {
		entry.Drop()
	} else {
		entry.End()
	}
	return m, err
}

// split cuts the message into chunks and puts them.
func (w *MessageWriter) split(ctx context.Context, size int64, body io.Reader) (Stored, error) {
	if err := w.loadErasures(ctx); err != nil {
		return Stored{}, err
	}
	w.hasher.Reset()
	w.prober.begin(size)
	counted := &counter{r: io.TeeReader(body, io.MultiWriter(w.hasher, &w.prober))}
	w.splitter.Reset(counted)
	var m Stored
	chunks := 0
	for {
		part, err := w.splitter.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Stored{}, err
		}
		var content io.Reader = part
		if len(m.Parts) == 1 && m.Parts[0].Kind == mail.HeaderPart && part.Kind() == mail.TextPart {
			content = io.TeeReader(part, w.prober.opening())
		}
		stored, err := w.writePart(ctx, part, content)
		if err != nil {
			return Stored{}, err
		}
		m.Parts = append(m.Parts, stored)
		chunks += len(stored.Chunks)
	}
	m.Size, m.Hash = counted.n, w.hasher.Sum()
	m.Probe, m.Opening = w.prober.probe()
	if w.erased.Message(m.Hash) {
		return Stored{}, repo.ErrErased
	}
	if err := w.release(ctx); err != nil {
		return Stored{}, err
	}
	if chunks <= manifest.MaxInlineChunks {
		return m, nil
	}
	return m, w.writeList(ctx, &m)
}

// writePart stores a part, whose bytes it reads from content.
func (w *MessageWriter) writePart(ctx context.Context, part *mail.Part, content io.Reader) (manifest.Part, error) {
	stored := manifest.Part{Kind: part.Kind()}
	err := w.cutter.Cut(content, func(data []byte) error {
		id, err := w.put(ctx, LaneOf(stored.Kind, data), data)
		stored.Chunks = append(stored.Chunks, id)
		return AsWrite(err)
	})
	stored.Recipe = part.Recipe()
	return stored, err
}

// writeList moves the parts of a long message out of its record, to a list.
func (w *MessageWriter) writeList(ctx context.Context, m *Stored) error {
	list, err := manifest.EncodeParts(m.Parts)
	if err != nil {
		return fmt.Errorf("list of parts: %w", err)
	}
	m.List, _, err = w.stream.Put(ctx, repo.LaneCatalog, list)
	m.Parts = nil
	return AsWrite(err)
}

// counter counts what is read through it.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
