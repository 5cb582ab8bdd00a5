package archive

import (
	"context"
	"errors"

	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store"
)

// IsDamage reports whether an error is about one piece of the archive, so that reading can go on.
// An error of this host, of the store, or of a writer is not.
func IsDamage(err error) bool {
	var writing *writeError
	if local.Is(err) || errors.As(err, &writing) {
		return false
	}
	for _, damage := range []error{
		repo.ErrDamaged, repo.ErrNoChunk, repo.ErrNotMine, repo.ErrNewer, store.ErrNotExist, store.ErrRange,
		repo.ErrMisdated,
		manifest.ErrMalformed, mail.ErrJoin, mail.ErrRecipe, ErrNotEqual,
	} {
		if errors.Is(err, damage) {
			return true
		}
	}
	return false
}

// EndsListing reports whether an error of a listing of manifests ends it, because it is not about
// the one manifest alone.
func EndsListing(ctx context.Context, head repo.Head, err error) bool {
	return err != nil && (head.Name == "" || ctx.Err() != nil || !IsDamage(err))
}

// UnlessDamage returns nil for damage, so that the rest is still read, and any other error as it
// is.
func UnlessDamage(err error) error {
	if IsDamage(err) {
		return nil
	}
	return err
}

// writeError is an error of writing, and so not damage of what was read, whatever it wraps.
type writeError struct{ err error }

func (e *writeError) Error() string { return e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }

// MarkWriteError marks an error of writing, so that IsDamage does not take it for damage.
func MarkWriteError(err error) error {
	if err == nil {
		return nil
	}
	return &writeError{err}
}
