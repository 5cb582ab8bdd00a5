package store

import (
	"context"
	"io"
	"iter"
	"time"
)

// Versioned is a Store that may keep what was put under a name before, though it need not.
type Versioned interface {
	Store

	// Versions yields all that is kept under names that begin with prefix: names ascend, and of each the newer versions come
	// before the older ones; markers anywhere. ErrPermission: the store, or these credentials, cannot tell.
	Versions(ctx context.Context, prefix string) iter.Seq2[Version, error]

	// GetVersion is Get of one version.
	GetVersion(ctx context.Context, name, version string, offset, length int64) (body io.ReadCloser, size int64, err error)

	// DeleteVersion removes one version for good.
	DeleteVersion(ctx context.Context, name, version string) error
}

// Version is something that was put under a name, or a marker that hides what was put before.
type Version struct {
	Object
	ID     string
	Latest bool // what Get sees
	Marker bool
}

// Retainer is a store that can keep versions against everybody until a time (Object Lock). ErrPermission: these
// credentials may not ask for that.
type Retainer interface {
	Versioned

	// PutRetained is Put of an object that is kept.
	PutRetained(ctx context.Context, name string, body io.ReaderAt, size int64, keep Retention) error

	// Retain keeps a version for longer than it was to be kept; never for less.
	Retain(ctx context.Context, name, version string, keep Retention) error

	// RetainedUntil tells until when a version is kept; the zero time, that it is not, or that the store does not tell.
	RetainedUntil(ctx context.Context, name, version string) (time.Time, error)
}

// DefaultRetainer is a Retainer that may retain whatever is put, by itself.
type DefaultRetainer interface {
	Retainer

	// RetainsByDefault reports whether everything that is put now is kept for as many days, at least, in that mode or a
	// stricter one. ErrPermission: these credentials are not told.
	RetainsByDefault(ctx context.Context, compliance bool, days int) (bool, error)
}

// Retention is how an object is kept: in governance mode somebody may have the right to end it, in compliance mode nobody has.
type Retention struct {
	Until      time.Time
	Compliance bool
}
