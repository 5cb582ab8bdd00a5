package repo

import (
	"fmt"

	"filippo.io/age"
	"github.com/mailstrata/mailstrata/repo/format"
)

// seals says to whom objects are sealed, and opens those that this key may open. Without recipients nothing is sealed.
type seals struct {
	readers, writers []age.Recipient
	reader, writer   age.Identity // nil: not held
}

func (s *seals) sealed() bool { return len(s.writers) > 0 }

// recipients of objects of a kind.
func (s *seals) recipients(kind format.Kind) []age.Recipient {
	if kind == format.KindData {
		return s.readers
	}
	return s.writers
}

// identity that opens objects of a kind; nil in a repository without sealing.
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
