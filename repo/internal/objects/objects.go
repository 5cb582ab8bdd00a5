package objects

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/zeebo/blake3"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/cache"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/clock"
	"github.com/mailstrata/mailstrata/repo/objectlock"
	"github.com/mailstrata/mailstrata/repo/store"
)

// maxStored bounds an object that is read into memory: its content, the table, and what sealing
// adds.
const maxStored = format.MaxContent + format.MaxTable

// Objects puts, reads and caches the objects of a repository. Seals says which of them this key can
// read.
type Objects struct {
	Store *objectlock.Store
	Codec *format.Codec
	Seals Seals
	Cache *cache.Dir

	hashers sync.Pool // of *chunk.Hasher, for chunk IDs
}

// Put stores an object, and checks that the store lists it.
func (o *Objects) Put(ctx context.Context, name string, stored []byte) error {
	return o.PutFile(ctx, name, bytes.NewReader(stored), int64(len(stored)))
}

// Load reads an object from the cache or the store, checks its hash and its tag, and returns its
// content.
func (o *Objects) Load(ctx context.Context, kind format.Kind, name string) ([]byte, error) {
	content, err := o.loadUnnamed(ctx, kind, name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return content, nil
}

func (o *Objects) loadUnnamed(ctx context.Context, kind format.Kind, name string) ([]byte, error) {
	id, err := o.Seals.Identity(kind)
	if err != nil {
		return nil, err
	}
	if content, cached := o.Cache.Object(name, o.Seals.LocalKey(kind)); cached {
		return content, nil
	}
	stored, err := Fetch(ctx, o.Store, name)
	if err != nil {
		return nil, err
	}
	content, err := o.Codec.Parse(stored, kind, id)
	if err != nil {
		return nil, &Undecodable{err}
	}
	if cache.Keeps(kind) {
		o.Cache.KeepObject(name, content, o.Seals.LocalKey(kind))
	}
	return content, nil
}

// LoadRow reads an object and decodes its content.
func (o *Objects) LoadRow(ctx context.Context, kind format.Kind, name string, row any) error {
	content, err := o.Load(ctx, kind, name)
	if err != nil {
		return err
	}
	if err := format.Decode(content, row); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

// PutRow encodes an object and puts it under a name that begins with a time.
func (o *Objects) PutRow(ctx context.Context, kind format.Kind, at time.Time, row any) error {
	content, err := format.Encode(row)
	if err != nil {
		return err
	}
	stored, hash, err := o.Codec.Build(kind, content, o.Seals.Recipients(kind))
	if err != nil {
		return err
	}
	return o.Put(ctx, kind.Folder()+format.Stamped(at, hash), stored)
}

// ChunkID returns the ID of a chunk.
func (o *Objects) ChunkID(data []byte) chunk.ID {
	h, ok := o.hashers.Get().(*chunk.Hasher)
	if !ok {
		h = o.Codec.Keys.Chunk.New()
	}
	defer o.hashers.Put(h)
	return h.ID(data)
}

// Now returns the store's time.
func (o *Objects) Now(ctx context.Context) (time.Time, error) { return clock.Now(ctx, o.Store) }

// CheckSkew returns an error unless a time of the store and this host's clock agree.
func (o *Objects) CheckSkew(now time.Time) error { return clock.CheckSkew(o.Store.Store, now) }

// Undecodable is the error of an object that matches its name and does not open.
type Undecodable struct{ err error }

func (u *Undecodable) Error() string { return u.err.Error() }
func (u *Undecodable) Unwrap() error { return u.err }

// Fetch reads an object's bytes and checks them against its name.
func Fetch(ctx context.Context, s *objectlock.Store, name string) ([]byte, error) {
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

// readBody reads a body of a size that the store reports. It does not trust the size, so its memory
// grows as bytes come.
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
