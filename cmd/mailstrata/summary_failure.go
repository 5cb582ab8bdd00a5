package main

import (
	"fmt"

	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest"
)

// failureSummary is a failure as JSON.
type failureSummary struct {
	Mailbox string `json:"mailbox"`       // raw name
	UID     uint32 `json:"uid,omitempty"` // 0: the mailbox as a whole
	Reason  string `json:"reason"`
}

func failureSummaries(failures []manifest.Failure) []failureSummary {
	summaries := make([]failureSummary, len(failures))
	for i, f := range failures {
		summaries[i] = failureSummary{f.Mailbox, uint32(f.UID), f.Reason}
	}
	return summaries
}

// describeFailure returns what could not be read, and why.
func describeFailure(f manifest.Failure) string {
	switch {
	case f.UID > 0:
		return fmt.Sprintf("mailbox %s UID %d: %s", ui.Quote(f.Mailbox), f.UID, f.Reason)
	case f.Mailbox != "":
		return fmt.Sprintf("mailbox %s: %s", ui.Quote(f.Mailbox), f.Reason)
	}
	return f.Reason
}
