// Package store declares what mailstrata needs of a place for archives: immutable objects under
// names.
//
//	store.go      Store, the one interface of all stores, and its errors
//	few.go        stores that can list in small pages
//	versioned.go  stores that keep earlier versions, and that keep them until a time (Object Lock)
//	name.go       the names that an object may have
//
// Packages s3, dir and sftp are the stores. Package storetest has the suite that each of them must
// pass, and stores for tests.
package store

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"
)

// Store keeps immutable objects under names.
//
// A name is one or more segments joined by '/', each made of a–z, 0–9, '-' and '.', none of them
// "." or "..". All methods may be called from several goroutines at once. A Store retries what may
// pass by itself; an error that it returns is final for this call.
type Store interface {
	// Put stores the first size bytes of body under name. It never replaces an object: if name has
	// other bytes, it returns ErrExist; if name has the same bytes, it returns nil. Put is atomic
	// (readers see all or nothing), and the object is durable when Put returns nil.
	Put(ctx context.Context, name string, body io.ReaderAt, size int64) error

	// Get opens length bytes of an object from offset, and returns the size of the object. A
	// negative length means all that follow; a negative offset counts from the end. A range that is
	// not inside the object is an error, never a short read: ErrNotExist if there is no such
	// object, ErrRange if it is too short.
	Get(ctx context.Context, name string, offset, length int64) (body io.ReadCloser, size int64, err error)

	// List yields the objects whose names begin with prefix, in ascending order of their names. It
	// fetches pages as the caller goes on. After an error it yields nothing more.
	List(ctx context.Context, prefix string) iter.Seq2[Object, error]

	// Delete removes an object. If there is none, it does nothing. It returns ErrRetained if the
	// store keeps the object on purpose (Object Lock, or credentials that may not delete).
	Delete(ctx context.Context, name string) error

	// Now returns the time by the store's clock, to a second or better. Ages and deadlines are
	// measured by this clock alone, so that hosts with wrong clocks can share a repository.
	Now(ctx context.Context) (time.Time, error)
}

// Object is one entry of a listing.
type Object struct {
	Name   string
	Size   int64     // bytes
	Time   time.Time // when it was put, by the store's clock
	Hidden bool      // a delete marker hides it; only listings of a repository under lock have such objects
}

// Errors of a Store. The first three come from the store alone, and never wrap fs.ErrNotExist or
// its like: a file that is missing on this host says nothing about the repository.
var (
	// ErrNotExist reports that the store has no such object.
	ErrNotExist = errors.New("the store has no such object")

	// ErrExist reports that another object has the name.
	ErrExist = errors.New("the store has another object under this name")

	// ErrPermission reports that the store does not allow this to these credentials.
	ErrPermission = errors.New("the store does not allow this")

	// ErrRange reports that the object ends before the end of the range.
	ErrRange = errors.New("range is not inside the object")

	// ErrRetained reports that the store refuses to delete, on purpose.
	ErrRetained = errors.New("the store retains the object")
)

// Within returns the range of a Get in an object of size bytes: where it begins, and its length. It
// returns ErrRange if the range is not inside the object.
func Within(size, offset, length int64) (from, n int64, err error) {
	if offset < 0 {
		offset += size
	}
	if length < 0 {
		length = size - offset
	}
	if offset < 0 || length < 0 || length > size-offset {
		return 0, 0, ErrRange
	}
	return offset, length, nil
}
