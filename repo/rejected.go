package repo

import (
	"errors"
	"fmt"
)

// findConfig takes the first config that the slot confirms. Who can put objects, but has no key, must not be able to
// keep an owner from his mail by an object of a high number: what is not the repository's is passed over, for who reads.
// But a config that cannot be opened may be a newer one, of keys that were rotated: who writes stops (noneRejected).
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
			return err // it is the keeper's: what is older does not count any more
		}
		r.rejected = append(r.rejected, Problem{Kind: Broken, Object: name, Err: errors.Unwrap(err)})
	}
	return first
}

// RejectedConfigs returns the configs that were passed over because they are not this repository's, or not for this key: somebody
// else put them there, or the keys were rotated without this one.
func (r *Repo) RejectedConfigs() []Problem { return r.rejected }

// undoubted refuses to write where a config was passed over, unless the user vouches for the repository.
func (r *Repo) noneRejected() error {
	if len(r.rejected) == 0 || r.options.Trust != "" {
		return nil
	}
	return fmt.Errorf("%w: %v; nothing is written before this is cleared up", ErrConfigRejected, r.rejected[0])
}
