package prune

import (
	"context"
	"iter"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/index"
	"github.com/mailstrata/mailstrata/repo/internal/head"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// Repository is what a prune works on.
type Repository struct {
	*objects.Objects
	Statements

	Manifests func(context.Context) iter.Seq2[head.Head, error] // of all accounts; a mark that cannot be read is an error
	Index     func(context.Context) (*index.Index, error)
	Reader    func() objects.ReadFrame
	Now       func(context.Context) (time.Time, error) // the store's time, if this host's clock agrees
	Writer    func(context.Context, Copying) (Writer, error)
	Limits    Limits
}

// Statements are what the keeper signs.
type Statements interface {
	Condemned(context.Context) (statement.Condemned, error)
	Condemn(context.Context, []format.Pack) error
	Marks(context.Context) (statement.Marks, error)
	Erasures(context.Context) (*statement.Erasures, error)
}

// Copying says how a Writer copies chunks. It fills every pack, because no server waits while the
// last one is uploaded.
type Copying struct {
	Listed      map[format.Pack]uint64 // sizes of the packs that the store lists
	Avoid       map[format.Pack]bool   // packs whose chunks must be stored again
	Compression format.Compression
}

// Writer stores chunks that are not stored yet.
type Writer interface {
	Put(ctx context.Context, lane format.Lane, data []byte) (id chunk.ID, added bool, err error)
	Flush(context.Context) error
	Stored() (objects, bytes int64) // what was put
	Close() error
}
