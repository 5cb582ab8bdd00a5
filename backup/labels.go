package backup

import (
	"slices"

	"github.com/mailstrata/mailstrata/mail"
)

// notes has what a survey tells the owner of the account among the warnings.
func (w *walk) notes(survey *mail.Survey) {
	for _, note := range survey.Notes {
		w.warn("%s", note)
	}
}

// labels tells which mailboxes of a survey are not read, because the messages are read where all are. Where that is not
// selected, a label is a mailbox like any other.
func (w *walk) labels(survey *mail.Survey) func(mail.Mailbox) bool {
	whole := !slices.ContainsFunc(survey.Mailboxes, func(m mail.Mailbox) bool { return m.Has(`\All`) && !w.selected(m) })
	return func(m mail.Mailbox) bool { return m.Label && whole }
}
