package repo

import (
	"errors"
	"fmt"
)

// findConfig uses the first config that the slot confirms. An attacker who can put objects, but has no key, must not lock the
// owner out with a config of a high number. So readers pass over what is not the repository's. But a config that does not open
// may be a newer one, for rotated keys, so writers stop (noneRejected).
func (a *access) findConfig(names []string, fetch func(name string) ([]byte, error)) error {
	var first error
	for _, name := range names {
		stored, err := fetch(name)
		if err == nil {
			err = a.takeConfig(name, stored)
		}
		if err == nil {
			return nil
		}
		err = fmt.Errorf("read %s: %w", name, err)
		if !concernsObject(err) && !errors.Is(err, ErrSwapped) && !errors.Is(err, ErrRemoved) {
			return err
		}
		if first == nil {
			first = err
		}
		if errors.Is(err, ErrRemoved) {
			return err // the keeper signed it, so older configs no longer count
		}
		a.rejected = append(a.rejected, Problem{Kind: Broken, Object: name, Err: errors.Unwrap(err)})
	}
	return first
}

// RejectedConfigs returns the configs that Open passed over because they do not open with this key: someone else put them
// there, or the keys were rotated without this one.
func (a *access) RejectedConfigs() []Problem { return a.rejected }

// noneRejected returns an error if a config was rejected, unless the user vouches for the repository. Writers call it first.
func (a *access) noneRejected() error {
	if len(a.rejected) == 0 || a.options.Trust != "" {
		return nil
	}
	return fmt.Errorf("%w: %v; mailstrata writes nothing until you settle this", ErrConfigRejected, a.rejected[0])
}
