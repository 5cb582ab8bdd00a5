package archive

import (
	"context"
	"slices"
	"strings"

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

// systemLabels are Gmail's own, and the special uses of their mailboxes.
var systemLabels = map[string]string{
	`\sent`: `\Sent`, `\draft`: `\Drafts`, `\drafts`: `\Drafts`, `\important`: `\Important`, `\starred`: `\Flagged`,
}

// labelKeys are the labels, as labelKey writes them, that a mailbox stands for.
func labelKeys(m *mail.Mailbox) []string {
	if m.IsInbox() {
		return []string{`\inbox`}
	}
	keys := []string{labelKey(m.Raw)}
	for label, use := range systemLabels {
		if m.Has(use) {
			keys = append(keys, label)
		}
	}
	return keys
}

// labelKey is one text for all the ways to write a label: servers write UTF-8 or modified UTF-7, and system labels have
// no case.
func labelKey(label string) string {
	if strings.HasPrefix(label, `\`) {
		return strings.ToLower(label)
	}
	if name, ok := mail.DecodeName(label); ok && name != "" {
		return name
	}
	return " " + label // which names nothing else
}

// isLabel reports whether somebody who asks for a label means this one.
func isLabel(label, asked string) bool {
	key := labelKey(label)
	return strings.EqualFold(key, asked) || strings.EqualFold(strings.TrimPrefix(key, `\`), asked) || label == asked
}
