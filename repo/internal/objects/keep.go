package objects

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mailstrata/mailstrata/repo/store"
)

// Some stores acknowledge an object and do not keep it: a disk cache loses power, a proxy fails, a
// disk is full. So a writer lists each object by its name before it puts another that relies on it:
// packs before the index segment that names them, and the segment before the manifest. It puts a
// missing object once more.

// ErrNotKept is the error of an object that the store acknowledged twice and does not list.
var ErrNotKept = errors.New("the store acknowledged this object and did not keep it, so nothing that needs it was committed")

// PutFile puts an object and checks that the store lists it with its size.
func (o *Objects) PutFile(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	if err := o.Store.Put(ctx, name, body, size); err != nil {
		return fmt.Errorf("store %s: %w", name, err)
	}
	return o.EnsureKept(ctx, name, body, size)
}

// EnsureKept checks that the store lists an object that was put. If it does not, EnsureKept puts it
// again, once.
func (o *Objects) EnsureKept(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	kept, err := o.Lists(ctx, name, size)
	if err != nil || kept {
		return err
	}
	if err := o.Store.Put(ctx, name, body, size); err != nil {
		return fmt.Errorf("store %s again: %w", name, err)
	}
	if kept, err = o.Lists(ctx, name, size); err == nil && !kept {
		err = fmt.Errorf("%s: %w", name, ErrNotKept)
	}
	return err
}

// Lists reports whether the store lists an object of that size.
func (o *Objects) Lists(ctx context.Context, name string, size int64) (bool, error) {
	found, err := o.find(ctx, name)
	return found.Name == name && found.Size == size, err
}

// Exists reports whether the store lists an object.
func (o *Objects) Exists(ctx context.Context, name string) (bool, error) {
	found, err := o.find(ctx, name)
	return found.Name == name, err
}

// find returns an object as the store lists it. It has no name if the store does not.
func (o *Objects) find(ctx context.Context, name string) (store.Object, error) {
	for found, err := range o.Store.List(ctx, name) {
		if err != nil {
			return store.Object{}, fmt.Errorf("look for %s: %w", name, err)
		}
		if found.Name == name {
			return found, nil
		}
	}
	return store.Object{}, nil
}
