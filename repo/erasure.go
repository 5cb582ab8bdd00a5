package repo

import (
	"context"
	"errors"

	"golang.org/x/sync/semaphore"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// ErrErased is the error of an account or a message that the owner erased from this repository.
var ErrErased = errors.New("it was erased from this repository")

// Erase puts an erasure of accounts and messages. It removes nothing itself: see package
// archive/erase.
func (s *statements) Erase(ctx context.Context, e statement.Erasure) error {
	rows, err := e.Rows()
	if err != nil {
		return err
	}
	for i := range rows {
		if err := s.declare(ctx, format.KindErasure, &rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// Erasures reads all erasures. A damaged one is an error, because it may name any message. One that
// the keeper did not sign is ignored.
func (s *statements) Erasures(ctx context.Context) (*statement.Erasures, error) {
	all := statement.NewErasures()
	return all, readStatements(ctx, s, format.KindErasure, nil, statement.ParseErasure, all.Add)
}

// erasures caches the Erasures of a run.
type erasures struct {
	asking *semaphore.Weighted
	read   *statement.Erasures
}

// Erasures returns what was erased before the run first asked. The prune after the run finds what
// was erased later.
func (run *Run) Erasures(ctx context.Context) (*statement.Erasures, error) {
	if err := run.erasures.asking.Acquire(ctx, 1); err != nil {
		return nil, context.Cause(ctx)
	}
	defer run.erasures.asking.Release(1)
	if run.erasures.read != nil {
		return run.erasures.read, nil
	}
	all, err := run.r.Erasures(ctx)
	if err != nil {
		return nil, err
	}
	run.erasures.read = all
	return all, nil
}

// Erasures returns the erasures of the writer's run.
func (w *Writer) Erasures(ctx context.Context) (*statement.Erasures, error) {
	return w.run.Erasures(ctx)
}
