package format

import (
	"errors"
	"fmt"

	"github.com/mailstrata/mailstrata/repo/store"
)

var (
	// ErrNewer reports an object of a later version of the format.
	ErrNewer = errors.New("made by a newer mailstrata: use a newer one to read it")

	// ErrDamaged reports an object that does not match its name or its table.
	ErrDamaged = errors.New("damaged")

	// ErrNotMine reports an object that is whole, but belongs to another repository or was not made
	// with this one's secret.
	ErrNotMine = errors.New("not made by this repository")
)

// Damaged returns an ErrDamaged that says what is wrong. The caller that knows the object adds its
// name.
func Damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// ConcernsObject reports whether err is about one object, and not about the store or this host:
// other objects can still be read.
func ConcernsObject(err error) bool {
	for _, is := range []error{ErrDamaged, ErrNotMine, ErrNewer, store.ErrNotExist} {
		if errors.Is(err, is) {
			return true
		}
	}
	return false
}
