package keys

import (
	"errors"
	"fmt"
	"strings"

	"filippo.io/age"

	"github.com/mailstrata/mailstrata/repo/format"
)

// Identities is one identity that opens what any of several opens.
type Identities []age.Identity

// Unwrap implements age.Identity.
func (ids Identities) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	for _, id := range ids {
		key, err := id.Unwrap(stanzas)
		if !errors.Is(err, age.ErrIncorrectIdentity) {
			return key, err
		}
	}
	return nil, age.ErrIncorrectIdentity
}

// ParseIdentities parses the identities that a key slot holds. It returns nil if there are none.
func ParseIdentities(texts []string) (age.Identity, error) {
	var all Identities
	for _, text := range texts {
		ids, err := age.ParseIdentities(strings.NewReader(text))
		if err != nil || len(ids) != 1 || strings.ContainsAny(text, "\n\r") {
			return nil, format.Damaged("a key slot without an age identity where one must be") // the text is secret
		}
		all = append(all, ids...)
	}
	if len(all) == 0 {
		return nil, nil
	}
	return all, nil
}

// NewIdentity draws a hybrid identity: what is sealed to it today stays closed when there are
// quantum computers.
func NewIdentity() (recipient, identity string, err error) {
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		return "", "", fmt.Errorf("draw an identity: %w", err)
	}
	return hybrid.Recipient().String(), hybrid.String(), nil
}
