package store

import (
	"context"
	"io"
	"iter"
	"time"
)

// Versioned is a Store that may keep earlier versions of an object.
type Versioned interface {
	Store

	// Versions yields all versions and delete markers under names that begin with prefix. Names
	// ascend, and the newer versions of a name come before the older ones. ErrPermission means that
	// the store or these credentials cannot list them.
	Versions(ctx context.Context, prefix string) iter.Seq2[Version, error]

	// GetVersion is Get of one version.
	GetVersion(ctx context.Context, name, version string, offset, length int64) (body io.ReadCloser, size int64,
		err error)

	// DeleteVersion removes one version permanently.
	DeleteVersion(ctx context.Context, name, version string) error
}

// Version is a version of an object, or a marker that hides earlier versions.
type Version struct {
	Object
	ID     string
	Latest bool // what Get returns
	Marker bool
}

// Retainer is a Store that can keep versions until a time, against everybody (Object Lock).
// ErrPermission means that these credentials may not ask for that.
type Retainer interface {
	Versioned

	// PutRetained is Put of an object that is retained.
	PutRetained(ctx context.Context, name string, body io.ReaderAt, size int64, keep Retention) error

	// Retain extends the retention of a version. It never shortens it.
	Retain(ctx context.Context, name, version string, keep Retention) error

	// RetainedUntil returns the end of the retention of a version, or the zero time if it has none
	// or the store does not report it.
	RetainedUntil(ctx context.Context, name, version string) (time.Time, error)

	// RetainsByDefault reports whether the store retains each new object for at least days, in that
	// mode or a stricter one. ErrPermission means that these credentials may not know.
	RetainsByDefault(ctx context.Context, compliance bool, days int) (bool, error)
}

// Retention says how a version is kept. In governance mode the store may give somebody the right to
// end a retention; in compliance mode nobody has that right.
type Retention struct {
	Until      time.Time
	Compliance bool
}
