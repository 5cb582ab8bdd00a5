package backup

import (
	"slices"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
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

// readApart tells of earlier mailboxes whether a loss of theirs shows in their own number of messages now. It does not
// where the mailbox is a label now, or would be if it were there still.
func readApart(now map[string]*manifest.Mailbox) func(*manifest.Mailbox) bool {
	labels := haveLabels(now)
	return func(old *manifest.Mailbox) bool {
		if m, there := now[old.Raw]; there {
			return !m.Label
		}
		return !labels || holdsAll(&old.Mailbox)
	}
}

func haveLabels(mailboxes map[string]*manifest.Mailbox) bool {
	for _, m := range mailboxes {
		if m.Label {
			return true
		}
	}
	return false
}

// hidden reports whether an earlier mailbox is the one of all messages, and only not shown any more: a warning says so,
// its messages have come under their labels, and the account's total tells of those that have not.
func hidden(old *manifest.Mailbox, before, now map[string]*manifest.Mailbox) bool {
	return now[old.Raw] == nil && old.Has(`\All`) && haveLabels(before) && !haveLabels(now)
}

// holdsAll reports whether this is one of the mailboxes that messages with labels lie in.
func holdsAll(m *mail.Mailbox) bool { return m.Has(`\All`) || m.Has(`\Junk`) || m.Has(`\Trash`) }
