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

// MessageWriter stores messages, one after the other: it splits each into parts, cuts the parts into chunks, and puts the chunks
// into the repository. One MessageWriter serves one goroutine; its buffers serve every message.
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

// NewMessageWriter makes a MessageWriter. What it files is spilled too, unless spill is nil.
func NewMessageWriter(r *repo.Repo, w *repo.Writer, spill *recovery.Log) *MessageWriter {
	return &MessageWriter{
		stream: w.Stream(), cutter: r.Cutter(), hasher: r.MessageHasher(), splitter: mail.NewSplitter(nil),
		prober: prober{hasher: r.MessageHasher()}, log: spill, writer: w, ids: r.ChunkKey().New(),
	}
}

func (f *MessageWriter) Close() { f.stream.Close() }

// Stored is what became of one message's bytes.
type Stored struct {
	Size  int64
	Hash  chunk.ID
	Parts []manifest.Part
	List  chunk.ID // where the parts are too many to stand in the record
	Probe chunk.Prefix

	Opening chunk.Prefix
}

// StoredIn returns what a record says of a message.
func StoredIn(r *manifest.Record) Stored {
	return Stored{Size: r.Size, Hash: r.Hash, Parts: r.Parts, List: r.List, Probe: r.Probe, Opening: r.Opening}
}

// SetIn makes a record say where the message is.
func (f Stored) SetIn(r *manifest.Record) {
	r.Size, r.Hash, r.Parts, r.List, r.Probe, r.Opening = f.Size, f.Hash, f.Parts, f.List, f.Probe, f.Opening
}

// Write stores the message that body delivers, and spills it under a key. If a size was told, it makes a probe of it. An
// error of body is returned as it is, with its cause; chunks stored before it do no harm, for nothing names them.
//
// If the message was erased from the repository, Write does not store it and returns repo.ErrErased.
//
// An interruption is the body's to tell: chunks are put to the end, for one that is claimed and then given up would end
// the writer, and with it what is worth keeping.
func (f *MessageWriter) Write(ctx context.Context, key []byte, told int64, body io.Reader) (Stored, error) {
	entry := f.log.Begin(key)
	m, err := f.split(context.WithoutCancel(ctx), told, io.TeeReader(body, entry))
	if err != nil {
		entry.Drop()
	} else {
		entry.End()
	}
	return m, err
}

// store cuts the message into chunks and puts them.
func (f *MessageWriter) split(ctx context.Context, told int64, body io.Reader) (Stored, error) {
	if err := f.loadErasures(ctx); err != nil {
		return Stored{}, err
	}
	f.hasher.Reset()
	f.prober.begin(told)
	counted := &counter{r: io.TeeReader(body, io.MultiWriter(f.hasher, &f.prober))}
	f.splitter.Reset(counted)
	var m Stored
	chunks := 0
	for {
		part, err := f.splitter.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Stored{}, err
		}
		var content io.Reader = part
		if len(m.Parts) == 1 && m.Parts[0].Kind == mail.HeaderPart && part.Kind() == mail.TextPart {
			content = io.TeeReader(part, f.prober.opening())
		}
		stored, err := f.writePart(ctx, part, content)
		if err != nil {
			return Stored{}, err
		}
		m.Parts = append(m.Parts, stored)
		chunks += len(stored.Chunks)
	}
	m.Size, m.Hash = counted.n, f.hasher.Sum()
	m.Probe, m.Opening = f.prober.probe()
	if f.erased.Message(m.Hash) {
		return Stored{}, repo.ErrErased
	}
	if err := f.release(ctx); err != nil {
		return Stored{}, err
	}
	if chunks <= manifest.MaxInlineChunks {
		return m, nil
	}
	return m, f.writeList(ctx, &m)
}

// writePart stores a part. It reads its bytes from content.
func (f *MessageWriter) writePart(ctx context.Context, part *mail.Part, content io.Reader) (manifest.Part, error) {
	stored := manifest.Part{Kind: part.Kind()}
	err := f.cutter.Cut(content, func(data []byte) error {
		id, err := f.put(ctx, LaneOf(stored.Kind, data), data)
		stored.Chunks = append(stored.Chunks, id)
		return AsWrite(err)
	})
	stored.Recipe = part.Recipe()
	return stored, err
}

// keepList moves the parts of a long message out of its record.
func (f *MessageWriter) writeList(ctx context.Context, m *Stored) error {
	list, err := manifest.EncodeParts(m.Parts)
	if err != nil {
		return fmt.Errorf("list of parts: %w", err)
	}
	m.List, _, err = f.stream.Put(ctx, repo.LaneCatalog, list)
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
