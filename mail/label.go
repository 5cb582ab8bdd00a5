package mail

import (
	"fmt"
	"strings"
)

// LabelKeyword returns a keyword for a label of Gmail. Letters, digits and "-_./&+," stay, and
// other bytes become =XX, so that every server should accept the keyword (RFC 9051 section 9,
// flag-keyword). Decoding it as quoted-printable (RFC 2045 section 6.7) gives the label again.
func LabelKeyword(label string) string {
	var b strings.Builder
	for _, c := range []byte(label) {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
			strings.IndexByte("-_./&+,", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "=%02X", c)
		}
	}
	return b.String()
}

// systemLabels maps Gmail's own labels to the special uses of their mailboxes (RFC 6154).
var systemLabels = map[string]string{
	`\sent`: `\Sent`, `\draft`: `\Drafts`, `\drafts`: `\Drafts`, `\important`: `\Important`, `\starred`: `\Flagged`,
}

// LabelKeys returns the keys (LabelKey) of the labels that a mailbox stands for.
func LabelKeys(m *Mailbox) []string {
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

// LabelKey returns the same key for all spellings of a label. Servers write UTF-8 or modified
// UTF-7, and the case of system labels does not matter.
func LabelKey(label string) string {
	if strings.HasPrefix(label, `\`) {
		return strings.ToLower(label)
	}
	if name, ok := DecodeName(label); ok && name != "" {
		return name
	}
	return " " + label // which names nothing else
}
