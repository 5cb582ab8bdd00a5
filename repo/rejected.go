package repo

import (
	"errors"
	"fmt"
)

// findConfig uses the first config that the slot confirms. An attacker who can put objects, but has no key, must not lock the
// owner out with a config of a high number. So readers pass over what is not the repository's. But a config that does not open
// may be a newer one, for rotated keys, so writers stop (noneRejected).
func (r *Repo) findConfig(names []string, fetch func(name string) ([]byte, error)) error {
	var first error
	for _, name := range names {
		stored, err := fetch(name)
		if err == nil {
			err = r.takeConfig(name, stored)
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
		r.rejected = append(r.rejected, Problem{Kind: Broken, Object: name, Err: errors.Unwrap(err)})
	}
	return first
}

// RejectedConfigs returns the configs that Open passed over because they do not open with this key: someone else put them
// there, or the keys were rotated without this one.
func (r *Repo) RejectedConfigs() []Problem { return r.rejected }

// noneRejected returns an error if a config was rejected, unless the user vouches for the repository. Writers call it first.
func (r *Repo) noneRejected() error {
	if len(r.rejected) == 0 || r.options.Trust != "" {
		return nil
	}
	return fmt.Errorf("%w: %v; mailstrata writes nothing until you settle this", ErrConfigRejected, r.rejected[0])
}
