package restore

import "context"

// LabelMode is what a restore does with the labels of Gmail, if the manifest has messages with labels.
type LabelMode uint8

const (
	LabelsAsMailboxes LabelMode = iota // add a message to the mailbox of each of its labels, or to All Mail if it has none
	LabelsAsKeywords                   // add a message once, with its labels as keywords (mail.LabelKeyword)
	LabelsLeftOut                      // add a message once, without its labels
)

// LabelKeeper is implemented by targets that may have labels themselves. If KeepsLabels returns true and the mode is
// LabelsAsMailboxes, each message is added once, with its labels in Wanted.
type LabelKeeper interface {
	KeepsLabels(ctx context.Context) (bool, error)
}
