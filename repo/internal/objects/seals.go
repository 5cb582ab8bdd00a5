package objects

import (
	"errors"
	"fmt"

	"filippo.io/age"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/localseal"
)

// Seals holds the recipients to which objects are sealed, and the identities that this key has.
// Without recipients nothing is sealed.
type Seals struct {
	Readers, Writers []age.Recipient
	Reader, Writer   age.Identity // nil if this key does not have it

	// LocalReader and LocalWriter seal what this host keeps of what Reader and Writer open. They
	// are nil if this key does not have it.
	LocalReader, LocalWriter *localseal.Key
}

// Sealed reports whether objects are sealed.
func (s *Seals) Sealed() bool { return len(s.Writers) > 0 }

// Recipients returns the recipients of objects of a kind.
func (s *Seals) Recipients(kind format.Kind) []age.Recipient {
	if kind == format.KindData {
		return s.Readers
	}
	return s.Writers
}

// Identity returns the identity that opens objects of a kind, or nil if nothing is sealed.
func (s *Seals) Identity(kind format.Kind) (age.Identity, error) {
	switch {
	case !s.Sealed():
		return nil, nil
	case kind != format.KindData:
		return s.Writer, nil
	case s.Reader == nil:
		return nil, fmt.Errorf("reading mail needs the owner's key, not a writer's: %w", ErrNoRole)
	default:
		return s.Reader, nil
	}
}

// LocalKey returns the key that seals what this host keeps of objects of a kind.
func (s *Seals) LocalKey(kind format.Kind) *localseal.Key {
	if kind == format.KindData {
		return s.LocalReader
	}
	return s.LocalWriter
}

// ErrNoRole is the error of an operation that the key which opened the repository does not allow.
var ErrNoRole = errors.New("this key does not allow that")
