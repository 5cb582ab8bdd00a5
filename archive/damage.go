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

// IsDamage reports whether an error is about one piece of the archive, so that reading can go on. An error of this host, of
// the store, or of what is written to is not damage.
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

// EndsListing reports whether an error of a listing of manifests ends it, because it is not about the one manifest alone.
func EndsListing(ctx context.Context, head repo.Head, err error) bool {
	return err != nil && (head.Name == "" || ctx.Err() != nil || !IsDamage(err))
}

// UnlessDamage drops an error that is about one message alone, so that the others are still compared.
func UnlessDamage(err error) error {
	if IsDamage(err) {
		return nil
	}
	return err
}

// writeError is an error of what is written to. It says nothing about what is read.
type writeError struct{ err error }

func (e *writeError) Error() string { return e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }

// AsWrite wraps an error of what is written to.
func AsWrite(err error) error {
	if err == nil {
		return nil
	}
	return &writeError{err}
}
