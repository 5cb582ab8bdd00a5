package archive

import (
	"strings"

	"github.com/mailstrata/mailstrata/mail"
)

// systemLabels are Gmail's own, and the special uses of their mailboxes.
var systemLabels = map[string]string{
	`\sent`: `\Sent`, `\draft`: `\Drafts`, `\drafts`: `\Drafts`, `\important`: `\Important`, `\starred`: `\Flagged`,
}

// LabelKeys are the labels, as labelKey writes them, that a mailbox stands for.
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

// LabelKey is one text for all the ways to write a label: servers write UTF-8 or modified UTF-7, and system labels have
// no case.
func LabelKey(label string) string {
	if strings.HasPrefix(label, `\`) {
		return strings.ToLower(label)
	}
	if name, ok := mail.DecodeName(label); ok && name != "" {
		return name
	}
	return " " + label // which names nothing else
}
