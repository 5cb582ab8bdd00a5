package repo

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Stats counts what a Writer did.
type Stats struct {
	Chunks  int64 // new chunks
	Bytes   int64 // bytes of new chunks
	Known   int64 // chunks that were stored already
	Saved   int64 // bytes of chunks that were stored already
	Objects int64 // objects put
	Stored  int64 // bytes of objects put
}

type counters struct{ chunks, bytes, knownChunks, saved, objects, stored atomic.Int64 }

func (c *counters) added(data []byte) {
	c.chunks.Add(1)
	c.bytes.Add(int64(len(data)))
}

func (c *counters) known(data []byte, err error) {
	if err == nil {
		c.knownChunks.Add(1)
		c.saved.Add(int64(len(data)))
	}
}

func (c *counters) object(size int64) {
	c.objects.Add(1)
	c.stored.Add(size)
}

// Stats returns what the writer has done so far.
func (w *Writer) Stats() Stats {
	c := &w.stats
	return Stats{
		Chunks: c.chunks.Load(), Bytes: c.bytes.Load(), Known: c.knownChunks.Load(),
		Saved: c.saved.Load(), Objects: c.objects.Load(), Stored: c.stored.Load(),
	}
}

// Usage is the space that a repository takes in its store, by kind.
type Usage map[format.Kind]struct{ Objects, Bytes, Unpacked int64 }

// Usage lists the store and adds up the sizes of its objects. Unpacked counts the chunks in the
// packs that the index describes, before compression.
func (r *Repo) Usage(ctx context.Context) (Usage, error) {
	index, err := r.openIndex(ctx)
	if err != nil {
		return nil, err
	}
	unpacked := make(map[string]int64)
	for pack := range index.Packs() {
		var size int64
		for _, length := range pack.Lengths {
			size += int64(length)
		}
		unpacked[pack.Name()] = size
	}
	u := Usage{}
	for o, err := range r.objects.Store.List(ctx, "") {
		if err != nil {
			return nil, fmt.Errorf("list the store: %w", err)
		}
		if kind, ok := format.KindOf(o.Name); ok {
			row := u[kind]
			row.Objects++
			row.Bytes += o.Size
			row.Unpacked += unpacked[o.Name]
			u[kind] = row
		}
	}
	return u, nil
}

// PackBytes returns the size of all packs in the store, and of those that came after a time. It
// lists them and reads none, so any key is enough. Packs that a prune wrote count as others do.
func (r *Repo) PackBytes(ctx context.Context, after time.Time) (all, added int64, err error) {
	err = r.objects.EachPackOf(ctx, format.PackKinds[:], func(_ format.Pack, o store.Object) error {
		all += o.Size
		if o.Time.After(after) {
			added += o.Size
		}
		return nil
	})
	return all, added, err
}
