package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/mailstrata/mailstrata/repo/cache"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/objectlock"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/zeebo/blake3"
)

// maxStored bounds an object that is read into memory: its content, the table, and what sealing adds.
const maxStored = format.MaxContent + format.MaxTable

// objects puts, reads and caches the objects of a repository. seals says which of them this key can read.
type objects struct {
	store *objectlock.Store
	codec *format.Codec
	seals seals
	cache *cache.Dir
}

// put stores an object, and checks that the store lists it.
func (o *objects) put(ctx context.Context, name string, stored []byte) error {
	return o.putKept(ctx, name, bytes.NewReader(stored), int64(len(stored)))
}

// load reads an object from the cache or the store, checks its hash and its tag, and returns its content.
func (o *objects) load(ctx context.Context, kind format.Kind, name string) ([]byte, error) {
	content, err := o.loadUnnamed(ctx, kind, name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return content, nil
}

func (o *objects) loadUnnamed(ctx context.Context, kind format.Kind, name string) ([]byte, error) {
	id, err := o.seals.identity(kind)
	if err != nil {
		return nil, err
	}
	stored, cached := o.cache.Object(name)
	if !cached {
		if stored, err = fetch(ctx, o.store, name); err != nil {
			return nil, err
		}
	}
	content, err := o.codec.Parse(stored, kind, id)
	if err == nil && !cached && cache.Keeps(kind) {
		o.cache.KeepObject(name, stored)
	}
	if err != nil {
		err = &undecodable{err}
	}
	return content, err
}

// loadRow reads an object and decodes its content.
func (o *objects) loadRow(ctx context.Context, kind format.Kind, name string, row any) error {
	content, err := o.load(ctx, kind, name)
	if err != nil {
		return err
	}
	if err := format.Decode(content, row); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

// putRow encodes an object and puts it under a name that begins with a time.
func (o *objects) putRow(ctx context.Context, kind format.Kind, at time.Time, row any) error {
	content, err := format.Encode(row)
	if err != nil {
		return err
	}
	stored, hash, err := o.codec.Build(kind, content, o.seals.recipients(kind))
	if err != nil {
		return err
	}
	return o.put(ctx, kind.Folder()+format.Stamped(at, hash), stored)
}

// undecodable is the error of an object that matches its name and does not open.
type undecodable struct{ err error }

func (u *undecodable) Error() string { return u.err.Error() }
func (u *undecodable) Unwrap() error { return u.err }

// fetch reads an object's bytes and checks them against its name.
func fetch(ctx context.Context, s *objectlock.Store, name string) ([]byte, error) {
	stored, err := fetchOnce(ctx, s, name)
	if errors.Is(err, format.ErrDamaged) && s.Original(ctx, name) {
		return fetchOnce(ctx, s, name)
	}
	return stored, err
}

func fetchOnce(ctx context.Context, s store.Store, name string) ([]byte, error) {
	body, size, err := s.Get(ctx, name, 0, -1)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	if size > maxStored {
		return nil, format.Damaged("%d bytes are more than the format allows", size)
	}
	stored, err := readBody(body, size)
	if err != nil {
		return nil, err
	}
	if hash, ok := store.Hash(name); !ok || blake3.Sum256(stored) != hash {
		return nil, format.Damaged("its bytes do not hash to its name")
	}
	return stored, nil
}

// readBody reads a body of a size that the store reports. It does not trust the size, so its memory grows as bytes come.
func readBody(body io.Reader, size int64) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(int(min(size, 1<<20)) + bytes.MinRead)
	n, err := b.ReadFrom(io.LimitReader(body, size+1))
	if err != nil {
		return nil, err
	}
	if n != size {
		return nil, format.Damaged("the store delivers %d of its %d bytes", n, size)
	}
	return b.Bytes(), nil
}

// Some stores acknowledge an object and do not keep it: a disk cache loses power, a proxy fails, a disk is full. So a writer
// lists each object by its name before it puts another that relies on it: packs before the index segment that names them,
// and the segment before the manifest. It puts a missing object once more.

// ErrNotKept is the error of an object that the store acknowledged twice and does not list.
var ErrNotKept = errors.New("the store acknowledged this object and did not keep it, so nothing that needs it was committed")

// putKept puts an object and checks that the store lists it with its size.
func (o *objects) putKept(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	if err := o.store.Put(ctx, name, body, size); err != nil {
		return fmt.Errorf("store %s: %w", name, err)
	}
	return o.ensureKept(ctx, name, body, size)
}

// ensureKept checks that the store lists an object that was put. If it does not, ensureKept puts it again, once.
func (o *objects) ensureKept(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	kept, err := o.lists(ctx, name, size)
	if err != nil || kept {
		return err
	}
	if err := o.store.Put(ctx, name, body, size); err != nil {
		return fmt.Errorf("store %s again: %w", name, err)
	}
	if kept, err = o.lists(ctx, name, size); err == nil && !kept {
		err = fmt.Errorf("%s: %w", name, ErrNotKept)
	}
	return err
}

// lists reports whether the store lists an object of that size.
func (o *objects) lists(ctx context.Context, name string, size int64) (bool, error) {
	found, err := o.find(ctx, name)
	return found.Name == name && found.Size == size, err
}

// exists reports whether the store lists an object.
func (o *objects) exists(ctx context.Context, name string) (bool, error) {
	found, err := o.find(ctx, name)
	return found.Name == name, err
}

// find returns an object as the store lists it. It has no name if the store does not.
func (o *objects) find(ctx context.Context, name string) (store.Object, error) {
	for found, err := range o.store.List(ctx, name) {
		if err != nil {
			return store.Object{}, fmt.Errorf("look for %s: %w", name, err)
		}
		if found.Name == name {
			return found, nil
		}
	}
	return store.Object{}, nil
}

// listKind lists the objects of a kind, without others in its folder. what names them in an error.
func (o *objects) listKind(ctx context.Context, kind format.Kind, what string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for found, err := range o.store.List(ctx, kind.Folder()) {
			if err != nil {
				yield(found, fmt.Errorf("list the %s: %w", what, err))
				return
			}
			if of, ok := format.KindOf(found.Name); ok && of == kind && !yield(found, nil) {
				return
			}
		}
	}
}
