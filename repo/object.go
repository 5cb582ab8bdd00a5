package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/objectlock"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/zeebo/blake3"
)

// maxStored bounds an object that is read into memory whole: its content, the table, and what sealing adds.
const maxStored = format.MaxContent + format.MaxTable

// put stores an object that build made, and sees the store list it.
func (r *Repo) put(ctx context.Context, name string, stored []byte) error {
	return r.putKept(ctx, name, bytes.NewReader(stored), int64(len(stored)))
}

// load reads an object whole and checks all that can be checked of it.
func (r *Repo) load(ctx context.Context, kind format.Kind, name string) ([]byte, error) {
	content, err := r.loadUnnamed(ctx, kind, name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return content, nil
}

func (r *Repo) loadUnnamed(ctx context.Context, kind format.Kind, name string) ([]byte, error) {
	id, err := r.seals.identity(kind)
	if err != nil {
		return nil, err
	}
	stored, cached := r.cache.object(name)
	if !cached {
		if stored, err = fetch(ctx, r.store, name); err != nil {
			return nil, err
		}
	}
	content, err := r.codec.Parse(stored, kind, id)
	if err == nil && !cached && keepsCached(kind) {
		r.cache.keepObject(name, stored)
	}
	if err != nil {
		err = &undecodable{err}
	}
	return content, err
}

// unopened is an object whose bytes are what its name says, and that does not open.
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

// readBody reads a body of which the store told the size, without believing it: memory grows as bytes come.
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
