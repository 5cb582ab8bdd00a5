package restore

import "context"

// LabelMode is what a restore makes of Gmail's labels, where the manifest has messages that were read once with their
// labels.
type LabelMode uint8

const (
	LabelsAsMailboxes LabelMode = iota // a message comes into each mailbox that a label of it names; into All Mail where none does
	LabelsAsKeywords                   // a message comes once, with its labels as keywords (mail.LabelKeyword)
	LabelsLeftOut                      // a message comes once
)

// LabelKeeper is implemented by targets that can have labels. To one that has, a message comes once, with its labels in
// Wanted, unless the restore makes something else of them.
type LabelKeeper interface {
	KeepsLabels(ctx context.Context) (bool, error)
}
