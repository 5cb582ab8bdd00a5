package backup

import (
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/backup/identity"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// maxFlagsAge is the age at which the flags of a mailbox are read in full again although the server
// says that nothing changed. The server may be wrong. Mailboxes come due on different days, from
// half this age on.
const maxFlagsAge = 30 * 24 * time.Hour

// isUnchanged reports whether the parent's pages of a mailbox can stay without a question to the
// server: they are complete, the numbers are the same, and HIGHESTMODSEQ among them is one that
// changes with flags (docs/design/reading.md). Missing numbers are equal to nothing.
func isUnchanged(old *manifest.Mailbox, now *mail.Status, observed time.Time) bool {
	if now == nil || !old.Complete || old.Status == nil || !identity.SameNumbers(*old.Status, *now) {
		return false
	}
	return now.Messages == 0 || old.Trusted && observed.Sub(old.FlagsRead) < flagsAgeLimit(old.Raw)
}

// flagsAgeLimit spreads the full readings of flags over the second half of maxFlagsAge, by name.
func flagsAgeLimit(raw string) time.Duration {
	hash := fnv.New32a()
	hash.Write([]byte(raw))
	return maxFlagsAge/2 + maxFlagsAge/2*time.Duration(hash.Sum32()%1000)/1000
}

// nonExistent returns what to record of a mailbox that the server lists as selectable although it
// does not exist, with the attribute that the server should have given (RFC 5258). Dovecot with
// Maildir++ does this for a deleted mailbox that has others below it. If there are none below it,
// the mailbox counts as unreadable instead.
func nonExistent(listed mail.Mailbox) *manifest.Mailbox {
	m := &manifest.Mailbox{Mailbox: withoutMarks(listed)}
	m.Attributes = append(m.Attributes, `\NonExistent`)
	return m
}

// isParent reports whether a survey lists mailboxes below a mailbox.
func isParent(listed mail.Mailbox, survey *mail.Survey) bool {
	if listed.Delimiter == "" {
		return false
	}
	above := listed.Raw + listed.Delimiter
	byRaw := func(m mail.Mailbox, raw string) int { return strings.Compare(m.Raw, raw) }
	i, _ := slices.BinarySearchFunc(survey.Mailboxes, above, byRaw)
	for ; i < len(survey.Mailboxes) && strings.HasPrefix(survey.Mailboxes[i].Raw, above); i++ {
		if survey.Mailboxes[i].Raw != above {
			return true
		}
	}
	return false
}

// isStillNonExistent reports whether a mailbox that was archived as nonexistent is still listed in
// the same way.
func isStillNonExistent(recorded *manifest.Mailbox, listed mail.Mailbox) bool {
	return recorded != nil && !recorded.Selectable() && listed.Selectable() && listed.Status == nil
}

// withoutMarks returns what a manifest records of a listing: everything but the marks that change
// with every look.
func withoutMarks(listed mail.Mailbox) mail.Mailbox {
	listed.Attributes = slices.DeleteFunc(slices.Clone(listed.Attributes), func(a string) bool {
		return strings.EqualFold(a, `\Marked`) || strings.EqualFold(a, `\Unmarked`)
	})
	listed.Status = nil
	return listed
}

// withListing returns an old mailbox with the name, attributes and subscription of a new listing.
func withListing(old *manifest.Mailbox, listed mail.Mailbox) *manifest.Mailbox {
	now := *old
	now.Mailbox = withoutMarks(listed)
	now.Status, now.Label = old.Status, old.Label
	return &now
}
