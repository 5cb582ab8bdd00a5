package format

import (
	"errors"
	"fmt"
)

var (
	// ErrNewer: an object was made by a later version of the format.
	ErrNewer = errors.New("made by a newer mailstrata: use a newer one to read it")

	// ErrDamaged: an object is not what its name, its tag or its table says.
	ErrDamaged = errors.New("damaged")

	// ErrNotMine: an object is whole, but belongs to another repository or was not made with this one's secret.
	ErrNotMine = errors.New("not made by this repository")
)

// damaged says what is wrong with the object at hand; who reads the object adds its name.
func Damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}
