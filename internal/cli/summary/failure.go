package summary

import (
	"fmt"

	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest"
)

// Failure is a failure as JSON.
type Failure struct {
	Mailbox string `json:"mailbox"`       // raw name
	UID     uint32 `json:"uid,omitempty"` // 0: the mailbox as a whole
	Reason  string `json:"reason"`
}

// OfFailures returns failures as JSON.
func OfFailures(failures []manifest.Failure) []Failure {
	summaries := make([]Failure, len(failures))
	for i, f := range failures {
		summaries[i] = Failure{f.Mailbox, uint32(f.UID), f.Reason}
	}
	return summaries
}

// DescribeFailure returns what could not be read, and why.
func DescribeFailure(f manifest.Failure) string {
	switch {
	case f.UID > 0:
		return fmt.Sprintf("mailbox %s UID %d: %s", ui.Quote(f.Mailbox), f.UID, f.Reason)
	case f.Mailbox != "":
		return fmt.Sprintf("mailbox %s: %s", ui.Quote(f.Mailbox), f.Reason)
	}
	return f.Reason
}
