package archive

import (
	"strings"

	"github.com/mailstrata/mailstrata/mail"
)

// systemLabels maps Gmail's own labels to the special uses of their mailboxes (RFC 6154).
var systemLabels = map[string]string{
	`\sent`: `\Sent`, `\draft`: `\Drafts`, `\drafts`: `\Drafts`, `\important`: `\Important`, `\starred`: `\Flagged`,
}

// LabelKeys returns the keys (LabelKey) of the labels that a mailbox stands for.
func LabelKeys(m *mail.Mailbox) []string {
	if m.IsInbox() {
		return []string{`\inbox`}
	}
	keys := []string{LabelKey(m.Raw)}
	for label, use := range systemLabels {
		if m.Has(use) {
			keys = append(keys, label)
		}
	}
	return keys
}

// LabelKey returns the same key for all spellings of a label. Servers write UTF-8 or modified UTF-7, and the case of system
// labels does not matter.
func LabelKey(label string) string {
	if strings.HasPrefix(label, `\`) {
		return strings.ToLower(label)
	}
	if name, ok := mail.DecodeName(label); ok && name != "" {
		return name
	}
	return " " + label // which names nothing else
}
