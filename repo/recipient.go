package repo

import (
	"errors"
	"fmt"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
)

// ParseRecipient reads whom a key slot can be sealed to: an age recipient (age1…, of the hybrid kind age1pq1…), or a
// line of an SSH public key, ssh-ed25519 or ssh-rsa.
func ParseRecipient(text string) (age.Recipient, error) {
	text = strings.TrimSpace(text)
	if strings.ContainsAny(text, "\r\n") {
		return nil, errors.New("a recipient is one line: age1… or an SSH public key")
	}
	if strings.HasPrefix(text, "ssh-") {
		recipient, err := agessh.ParseRecipient(text)
		if err != nil {
			return nil, fmt.Errorf("not an SSH public key of the kind ssh-ed25519 or ssh-rsa: %w", err)
		}
		kind, key, _ := strings.Cut(text, " ")
		key, _, _ = strings.Cut(key, " ") // a comment follows
		return sshRecipient{recipient, kind + " " + key}, nil
	}
	recipients, err := age.ParseRecipients(strings.NewReader(text))
	if err != nil || len(recipients) != 1 {
		return nil, errors.New("not a recipient: one is age1…, or a line of an SSH public key (ssh-ed25519 or ssh-rsa)")
	}
	return recipients[0], nil
}

// sshRecipient keeps the text, which age's own does not tell.
type sshRecipient struct {
	age.Recipient
	text string
}

// String inverts ParseRecipient.
func (r sshRecipient) String() string { return r.text }

// recipientText is how the config names a recipient: so that a slot can be made anew without its key. A passphrase has
// no text.
func recipientText(recipient age.Recipient) (string, error) {
	switch r := recipient.(type) {
	case nil, *age.ScryptRecipient:
		return "", nil
	case fmt.Stringer:
		if _, err := ParseRecipient(r.String()); err == nil {
			return r.String(), nil
		}
	}
	return "", errors.New("a key slot cannot be made for a recipient of this kind")
}

// recipientKind is what people call a recipient.
func recipientKind(text string) string {
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
