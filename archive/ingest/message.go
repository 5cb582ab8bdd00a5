package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/recovery"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// MessageWriter stores messages. It splits each into parts, cuts the parts into chunks, and puts
// the chunks into the repository. Its buffers are used again for each message, so it is for one
// goroutine.
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

// NewMessageWriter returns a MessageWriter. Unless log is nil, it also writes each message to that
// recovery log.
func NewMessageWriter(r *repo.Repo, w *repo.Writer, log *recovery.Log) *MessageWriter {
	return &MessageWriter{
		stream: w.Stream(), cutter: r.Cutter(), hasher: r.MessageHasher(), splitter: mail.NewSplitter(nil),
		prober: prober{hasher: r.MessageHasher()}, log: log, writer: w, ids: r.ChunkKey().New(),
	}
}

func (w *MessageWriter) Close() { w.stream.Close() }

// Stored says what a message contains and where it is stored. These are the fields of its
// manifest.Record that come from its bytes.
type Stored struct {
	Size  int64
	Hash  chunk.ID        // of the whole message, keyed with the message key
	Parts []manifest.Part // how to join the message from chunks
	List  chunk.ID        // the chunk that lists the parts, if the record has no room for them; then Parts is empty

	// Hashes of short ranges of the message: Probe of its middle and end, Opening of the beginning
	// of its text. A later run fetches the same ranges from the server, to recognize a message that
	// is archived under another UID without downloading it (manifest/probe.go). Both are zero if
	// the message is too small, Opening also if no text follows its header.
	Probe   chunk.Prefix
	Opening chunk.Prefix
}

// StoredIn returns the Stored of a record.
func StoredIn(r *manifest.Record) Stored {
	return Stored{Size: r.Size, Hash: r.Hash, Parts: r.Parts, List: r.List, Probe: r.Probe, Opening: r.Opening}
}

// SetIn sets the fields of a record.
func (s Stored) SetIn(r *manifest.Record) {
	r.Size, r.Hash, r.Parts, r.List, r.Probe, r.Opening = s.Size, s.Hash, s.Parts, s.List, s.Probe, s.Opening
}

// Write stores the message that it reads from body, and copies it to the recovery log under key.
// size is the expected size of the message, or 0; if the message has that size, Write also makes
// its probe. Write returns an error of body as it is. The chunks that it stored before the error do
// no harm, because nothing refers to them.
//
// If the message was erased from the repository, Write does not store it and returns
// repo.ErrErased.
//
// Write does not stop when ctx ends; to stop it, let body return an error. If ctx stopped it while
// it puts a chunk, the repo.Writer would fail, and everything that the run has stored would be
// lost.
func (w *MessageWriter) Write(ctx context.Context, key []byte, size int64, body io.Reader) (Stored, error) {
	entry := w.log.Begin(key)
	m, err := w.store(context.WithoutCancel(ctx), size, io.TeeReader(body, entry))
	if err != nil {
		entry.Drop()
	} else {
		entry.End()
	}
	return m, err
}

// store cuts the message into chunks and puts them.
func (w *MessageWriter) store(ctx context.Context, size int64, body io.Reader) (Stored, error) {
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
	if err := w.putHeld(ctx); err != nil {
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
		id, err := w.putChunk(ctx, LaneOf(stored.Kind, data), data)
		stored.Chunks = append(stored.Chunks, id)
		return archive.MarkWriteError(err)
	})
	stored.Recipe = part.Recipe()
	return stored, err
}

// putChunk stores a chunk, or holds it until the whole message is known not to be erased
// (held_chunks.go).
func (w *MessageWriter) putChunk(ctx context.Context, lane repo.Lane, data []byte) (id chunk.ID, err error) {
	if id, held := w.hold(lane, data); held {
		return id, nil
	}
	id, _, err = w.stream.Put(ctx, lane, data)
	return id, err
}

// writeList moves the parts of a long message out of its record, to a list.
func (w *MessageWriter) writeList(ctx context.Context, m *Stored) error {
	list, err := manifest.EncodeParts(m.Parts)
	if err != nil {
		return fmt.Errorf("list of parts: %w", err)
	}
	m.List, _, err = w.stream.Put(ctx, repo.LaneCatalog, list)
	m.Parts = nil
	return archive.MarkWriteError(err)
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
