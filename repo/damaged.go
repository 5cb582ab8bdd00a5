package repo

import (
	"fmt"
)

// damaged says what is wrong with the object at hand; who reads the object adds its name.
func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}
