package repo

import (
	"fmt"

	"filippo.io/age"
	"github.com/mailstrata/mailstrata/repo/format"
)

// seals holds the recipients to which objects are sealed, and the identities that this key has. Without recipients nothing is sealed.
type seals struct {
	readers, writers []age.Recipient
	reader, writer   age.Identity // nil if this key does not have it
}

func (s *seals) sealed() bool { return len(s.writers) > 0 }

// recipients returns the recipients of objects of a kind.
func (s *seals) recipients(kind format.Kind) []age.Recipient {
	if kind == format.KindData {
		return s.readers
	}
	return s.writers
}

// identity returns the identity that opens objects of a kind, or nil if nothing is sealed.
func (s *seals) identity(kind format.Kind) (age.Identity, error) {
	switch {
	case !s.sealed():
		return nil, nil
	case kind != format.KindData:
		return s.writer, nil
	case s.reader == nil:
		return nil, fmt.Errorf("reading mail needs the owner's key, not a writer's: %w", ErrNoRole)
	default:
		return s.reader, nil
	}
}
