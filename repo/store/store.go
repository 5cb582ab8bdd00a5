package store

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"
)

// Store keeps immutable objects under names. It is all that mailstrata asks of a place to keep archives in;
// packages s3 and dir are its implementations, and repo/storetest holds the promises that both are tried against.
//
// A name is one or more segments joined by '/', each made of a–z, 0–9, '-' and '.', none of them "." or "..".
// All methods may be called from several goroutines at once. Temporary trouble is the Store's own to retry;
// an error that it returns is final for this call.
type Store interface {
	// Put makes the object name from the first size bytes of body, and never replaces one: where name is taken by
	// other bytes it answers ErrExist. Put is atomic (a reader sees all or nothing) and durable when it returns nil.
	// Putting the same bytes again under their name is no error.
	Put(ctx context.Context, name string, body io.ReaderAt, size int64) error

	// Get opens length bytes of an object from offset; a negative length means all that follow, a negative offset
	// counts from the end. A range that is not wholly inside the object is an error, never a short read:
	// ErrNotExist where there is no such object, ErrRange where the object is too short.
	// Get also tells the object's size.
	Get(ctx context.Context, name string, offset, length int64) (body io.ReadCloser, size int64, err error)

	// List yields the objects whose names begin with prefix, in ascending order of their names. A caller may stop
	// early; no more pages are then asked for. After an error nothing more is yielded.
	List(ctx context.Context, prefix string) iter.Seq2[Object, error]

	// Delete removes an object. Where there is none it does nothing. ErrRetained: the store keeps it, on purpose
	// (Object Lock, or credentials that may not delete).
	Delete(ctx context.Context, name string) error

	// Now is the time by the store's clock, to a second or better. Ages and deadlines are measured by it alone,
	// so that hosts with wrong clocks can share a repository.
	Now(ctx context.Context) (time.Time, error)
}

// Object is one line of a listing.
type Object struct {
	Name   string
	Size   int64     // bytes
	Time   time.Time // when it was made, by the store's clock
	Hidden bool      // a delete marker hides it; only the listing of a repository under lock shows such
}

var (
	// ErrNotExist: the store answers that it has no such object. This error and the next two are only the store's, and are
	// never fs.ErrNotExist or its like: a missing file of this host says nothing about the repository.
	ErrNotExist = errors.New("the store has no such object")

	// ErrExist: another object has the name.
	ErrExist = errors.New("the store has another object under this name")

	// ErrPermission: the store does not allow this to these credentials.
	ErrPermission = errors.New("the store does not allow this")

	// ErrRange: the object ends before the range that was asked for.
	ErrRange = errors.New("range is not inside the object")

	// ErrRetained: the store refuses to delete, on purpose.
	ErrRetained = errors.New("the store retains the object")
)
