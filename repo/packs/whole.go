package packs

import (
	"context"
	"errors"
	"io"

	"filippo.io/age"
	"github.com/zeebo/blake3"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/ranges"
)

// readSmall reads a range of a small pack.
func (r *Reader) readSmall(ctx context.Context, rg Range, id age.Identity) ([]byte, error) {
	o := r.get(rg)
	if err := o.turn.Acquire(ctx, 1); err != nil {
		return nil, context.Cause(ctx)
	}
	defer o.turn.Release(1)
	if o.whole == nil {
		container, stored, err := r.fetchWhole(ctx, rg, id)
		switch {
		case stored == nil:
			return nil, err
		case err != nil:
			return readDamaged(stored, rg, id)
		}
		o.whole = container
		r.keep(o, len(container))
	}
	if end := rg.Offset + rg.Length; end > int64(len(o.whole)) {
		return nil, format.Damaged("a range up to %d in a container of %d bytes", end, len(o.whole))
	}
	return o.whole[rg.Offset:][:rg.Length:rg.Length], nil
}

// fetchWhole returns the container in a small pack, from the cache or the store. It returns what
// the store has, too, which may be damaged.
func (r *Reader) fetchWhole(ctx context.Context, rg Range, id age.Identity) (container, stored []byte, err error) {
	cache, key := r.cache(rg.Pack), r.key(rg.Pack)
	if container, ok := cache.container(rg.Pack, key); ok {
		return container, container, nil
	}
	if stored, cached := cache.part(rg.Pack, span{0, rg.Size}); cached {
		if container, err := openWhole(rg.Pack, stored, id); err == nil {
			return container, stored, nil
		}
		cache.drop(rg.Pack)
	}
	stored, err = ranges.Read(ctx, r.o.Store, rg.Pack.String(), rg.Size, 0, rg.Size)
	if err != nil {
		return nil, nil, err
	}
	if container, err = openWhole(rg.Pack, stored, id); err == nil {
		if id != nil && key != nil {
			cache.keepContainer(rg.Pack, container, key)
		} else {
			cache.keep(rg.Pack, 0, stored)
		}
	}
	return container, stored, err
}

// openWhole returns the container in a pack whose bytes hash to its name.
func openWhole(p format.Pack, stored []byte, id age.Identity) ([]byte, error) {
	if blake3.Sum256(stored) != p.Hash {
		return nil, format.Damaged("its bytes do not hash to its name")
	}
	return format.Unseal(stored, id)
}

// readDamaged reads a range of a pack whose bytes are not those that its name says. The range may
// be intact.
func readDamaged(stored []byte, rg Range, id age.Identity) ([]byte, error) {
	container, size, err := format.UnsealAt(ranges.Parts{{Bytes: stored}}, rg.Size, id)
	if err != nil {
		return nil, err
	}
	return readRange(container, size, rg, nil)
}

// readRange reads a range of a container, into memory if that is large enough. With an error it
// returns the bytes before the damage.
func readRange(container io.ReaderAt, size int64, rg Range, memory []byte) ([]byte, error) {
	if end := rg.Offset + rg.Length; end > size {
		return nil, format.Damaged("a range up to %d in a container of %d bytes", end, size)
	}
	if int64(cap(memory)) < rg.Length {
		memory = make([]byte, rg.Length)
	}
	out := memory[:rg.Length:rg.Length]
	n, err := container.ReadAt(out, rg.Offset)
	if n == len(out) {
		return out, nil
	}
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = format.Damaged("it ends at byte %d", rg.Offset+int64(n))
	}
	return out[:n], err
}
