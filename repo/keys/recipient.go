package keys

import (
	"errors"
	"fmt"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"

	"github.com/mailstrata/mailstrata/repo/format"
)

// ParseRecipient parses a recipient of a key slot: an age recipient (age1…, or hybrid, age1pq1…),
// or an SSH public key in one line (ssh-ed25519 or ssh-rsa).
func ParseRecipient(text string) (age.Recipient, error) {
	text = strings.TrimSpace(text)
	if strings.ContainsAny(text, "\r\n") {
		return nil, errors.New("a recipient is one line: age1… or an SSH public key")
	}
	if strings.HasPrefix(text, "ssh-") {
		recipient, err := agessh.ParseRecipient(text)
		if err != nil {
			return nil, fmt.Errorf("not an SSH public key of type ssh-ed25519 or ssh-rsa: %w", err)
		}
		kind, key, _ := strings.Cut(text, " ")
		key, _, _ = strings.Cut(key, " ") // a comment follows
		return sshRecipient{recipient, kind + " " + key}, nil
	}
	recipients, err := age.ParseRecipients(strings.NewReader(text))
	if err != nil || len(recipients) != 1 {
		return nil, errors.New("not a recipient: use age1…, or an SSH public key in one line (ssh-ed25519 or ssh-rsa)")
	}
	return recipients[0], nil
}

// sshRecipient is a recipient with its text, which agessh does not return.
type sshRecipient struct {
	age.Recipient
	text string
}

// String inverts ParseRecipient.
func (r sshRecipient) String() string { return r.text }

// RecipientText returns the text by which the config names a recipient, so that its slot can be
// made again without its key. A passphrase has none.
func RecipientText(recipient age.Recipient) (string, error) {
	switch r := recipient.(type) {
	case nil, *age.ScryptRecipient:
		return "", nil
	case fmt.Stringer:
		if _, err := ParseRecipient(r.String()); err == nil {
			return r.String(), nil
		}
	}
	return "", errors.New("a key slot cannot be made for a recipient of this type")
}

// RecipientKind returns what people call a recipient, by its text.
func RecipientKind(text string) string {
	switch kind, _, _ := strings.Cut(text, " "); {
	case text == "":
		return "passphrase"
	case kind != text:
		return kind
	case strings.HasPrefix(text, "age1pq1"):
		return "age, hybrid"
	}
	return "age"
}

// PassphraseRecipient returns the recipient for a passphrase. If work is 0, trying a passphrase
// takes the time that age chooses, and 2^work steps otherwise.
func PassphraseRecipient(passphrase []byte, work int) (age.Recipient, error) {
	recipient, err := age.NewScryptRecipient(string(passphrase))
	if err != nil {
		return nil, errors.New("the passphrase must not be empty")
	}
	if work > 0 {
		recipient.SetWorkFactor(work)
	}
	return recipient, nil
}

// ParseRecipients parses the recipients that a config names.
func ParseRecipients(texts []string) ([]age.Recipient, error) {
	var all []age.Recipient
	for _, text := range texts {
		recipients, err := age.ParseRecipients(strings.NewReader(text))
		if err != nil || len(recipients) != 1 || strings.ContainsAny(text, "\n\r") {
			return nil, format.Damaged("%q in the config is not one age recipient", text)
		}
		all = append(all, recipients...)
	}
	return all, nil
}
