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
)

// keeper stores messages, one after the other: it splits each into parts, cuts the parts into chunks, and puts the
// chunks into the repository. One keeper serves one goroutine; its buffers serve every message.
type keeper struct {
	stream   *repo.Stream
	cutter   *chunk.Cutter
	hasher   *chunk.Hasher
	splitter *mail.Splitter
	prober   prober
	spill    *repo.Spill
}

// newKeeper makes a keeper. What it keeps is spilled too, unless spill is nil.
func newKeeper(r *repo.Repo, w *repo.Writer, spill *repo.Spill) *keeper {
	return &keeper{
		stream: w.Stream(), cutter: r.Cutter(), hasher: r.MessageHasher(), splitter: mail.NewSplitter(nil),
		prober: prober{hasher: r.MessageHasher()}, spill: spill,
	}
}

func (k *keeper) close() { k.stream.Close() }

// kept is what became of one message's bytes.
type kept struct {
	size  int64
	hash  chunk.ID
	parts []manifest.Part
	list  chunk.ID // where the parts are too many to stand in the record
	probe chunk.Prefix
}

// keep stores the message that body delivers, and spills it under a key. If a size was told, it makes a probe of it. An
// error of body is returned as it is, with its cause; chunks stored before it do no harm, for nothing names them.
//
// An interruption is the body's to tell: chunks are put to the end, for one that is claimed and then given up would end
// the writer, and with it what is worth keeping.
func (k *keeper) keep(ctx context.Context, key []byte, told int64, body io.Reader) (kept, error) {
	entry := k.spill.Begin(key)
	m, err := k.store(context.WithoutCancel(ctx), told, io.TeeReader(body, entry))
	if err != nil {
		entry.Drop()
	} else {
		entry.End()
	}
	return m, err
}

// store cuts the message into chunks and puts them.
func (k *keeper) store(ctx context.Context, told int64, body io.Reader) (kept, error) {
	k.hasher.Reset()
	k.prober.begin(told)
	counted := &counter{r: io.TeeReader(body, io.MultiWriter(k.hasher, &k.prober))}
	k.splitter.Reset(counted)
	var m kept
	chunks := 0
	for {
		part, err := k.splitter.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return kept{}, err
		}
		stored, err := k.keepPart(ctx, part)
		if err != nil {
			return kept{}, err
		}
		m.parts = append(m.parts, stored)
		chunks += len(stored.Chunks)
	}
	m.size, m.hash, m.probe = counted.n, k.hasher.Sum(), k.prober.probe()
	if chunks <= manifest.MaxInlineChunks {
		return m, nil
	}
	return m, k.keepList(ctx, &m)
}

func (k *keeper) keepPart(ctx context.Context, part *mail.Part) (manifest.Part, error) {
	stored := manifest.Part{Kind: part.Kind()}
	err := k.cutter.Cut(part, func(data []byte) error {
		id, _, err := k.stream.Put(ctx, laneOf(stored.Kind, data), data)
		stored.Chunks = append(stored.Chunks, id)
		return err
	})
	stored.Recipe = part.Recipe()
	return stored, err
}

// keepList moves the parts of a long message out of its record.
func (k *keeper) keepList(ctx context.Context, m *kept) error {
	list, err := manifest.EncodeParts(m.parts)
	if err != nil {
		return fmt.Errorf("list of parts: %w", err)
	}
	m.list, _, err = k.stream.Put(ctx, repo.LaneCatalog, list)
	m.parts = nil
	return err
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
