package imapsource

import (
	"slices"

	"github.com/mailstrata/mailstrata/mail"
)

// Gmail's mailboxes are labels (X-GM-EXT-1). A message is in All Mail, Spam or Trash, and appears
// once more under each of its labels. So only these three are read, with the labels of each
// message; the other mailboxes are names. The three are found by their special use, because their
// names are in the user's language.

// markLabels marks the mailboxes whose messages are all read in another mailbox.
func markLabels(survey *mail.Survey) {
	if !slices.ContainsFunc(survey.Mailboxes, func(m mail.Mailbox) bool { return m.Selectable() && m.Has(`\All`) }) {
		survey.Notes = append(survey.Notes, "All Mail is hidden from IMAP (Gmail's settings, Labels, Show in IMAP): "+
			"the labels are read as mailboxes instead, and mail without a label is not seen")
		return
	}
	for i := range survey.Mailboxes {
		m := &survey.Mailboxes[i]
		m.Label = m.Selectable() && !slices.ContainsFunc([]string{`\All`, `\Junk`, `\Trash`}, m.Has)
	}
}
