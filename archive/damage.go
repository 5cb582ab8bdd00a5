package archive

import (
	"errors"

	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// IsDamage tells an error that is about one piece of the archive, after which more may follow, from those that all reading
// would meet. What goes wrong with this host, or with what is being written, is none.
func IsDamage(err error) bool {
	var writing *writeError
	if local.Is(err) || errors.As(err, &writing) {
		return false
	}
	for _, damage := range []error{
		repo.ErrDamaged, repo.ErrNoChunk, repo.ErrNotMine, repo.ErrNewer, repo.ErrNotExist, repo.ErrRange,
		repo.ErrMisdated,
		manifest.ErrMalformed, mail.ErrJoin, mail.ErrRecipe, ErrNotEqual,
	} {
		if errors.Is(err, damage) {
			return true
		}
	}
	return false
}

// UnlessDamage drops an error that is about the message alone: one must not keep the others from being compared.
func UnlessDamage(err error) error {
	if IsDamage(err) {
		return nil
	}
	return err
}

// writeError is an error of what is written to. That something is missing or damaged there says nothing about what is read.
type writeError struct{ err error }

func (e *writeError) Error() string { return e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }

// writing makes an error one of what is written to.
func writing(err error) error {
	if err == nil {
		return nil
	}
	return &writeError{err}
}

// ErrNothingReadable: a copy or a repair found no message that can be read, and wrote no manifest.
var ErrNothingReadable = errors.New("no message of it can be read, so no manifest was written")

// nothingReadable reports whether a manifest that had messages was recast into one that has none, because all were lost.
func (c *recasting) nothingReadable(made *manifest.Manifest) bool {
	return len(c.lost) > 0 && made.Totals.Messages == 0 && c.from.Manifest.Totals.Messages > 0
}
