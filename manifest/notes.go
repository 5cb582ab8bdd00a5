package manifest

import (
	"fmt"
	"slices"
)

// maxNote bounds the bytes of a sentence that mailstrata writes into a manifest.
const maxNote = 1 << 10

// AddFailure records that a message or a mailbox could not be read. Beyond maxNotes failures, the
// last one says how many more there are.
func (m *Manifest) AddFailure(f Failure) {
	m.Totals.Failures++
	if more := m.Totals.Failures - (maxNotes - 1); more > 1 {
		m.Failures = slices.Delete(m.Failures, maxNotes-1, len(m.Failures))
		f = Failure{Reason: fmt.Sprintf("%d more", more)}
	}
	f.Mailbox, f.Reason = clip(f.Mailbox, maxText), clip(f.Reason, maxNote)
	m.Failures = append(m.Failures, f)
}

// AddWarning records a sentence for the owner of the account. Only the first maxNotes warnings are
// kept.
func (m *Manifest) AddWarning(text string) {
	switch len(m.Warnings) {
	case maxNotes:
	case maxNotes - 1:
		m.Warnings = append(m.Warnings, "further warnings are left out")
	default:
		m.Warnings = append(m.Warnings, clip(text, maxNote))
	}
}

func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return s[:limit]
}
