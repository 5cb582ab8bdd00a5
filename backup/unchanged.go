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

// maxFlagsAge is the age at which a mailbox's flags are read in full again though the server says that nothing changed:
// its word is trusted, but not for ever. Mailboxes come due on different nights, from half this age on.
const maxFlagsAge = 30 * 24 * time.Hour

// isUnchanged reports whether the parent's pages of a mailbox can stand without asking: they were whole, the numbers are
// the same, and HIGHESTMODSEQ among them is one that moves when flags do (design, "How an account is read", 2). Numbers
// that the server did not tell are equal to nothing.
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

// nonExistent is a mailbox that a server lists as if it could be opened, and that does not exist: Dovecot with Maildir++ does
// so with a deleted one that has others below it, without the attribute that RFC 5258 has for it. It is recorded with that
// attribute. Without others below it, such a mailbox is one that cannot be read.
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
	i, _ := slices.BinarySearchFunc(survey.Mailboxes, above, func(m mail.Mailbox, raw string) int { return strings.Compare(m.Raw, raw) })
	for ; i < len(survey.Mailboxes) && strings.HasPrefix(survey.Mailboxes[i].Raw, above); i++ {
		if survey.Mailboxes[i].Raw != above {
			return true
		}
	}
	return false
}

// isStillNonExistent reports whether nothing has changed about that since it was found out.
func isStillNonExistent(recorded *manifest.Mailbox, listed mail.Mailbox) bool {
	return recorded != nil && !recorded.Selectable() && listed.Selectable() && listed.Status == nil
}

// withoutMarks is what of a listing goes into a manifest: all but marks that change with every look.
func withoutMarks(listed mail.Mailbox) mail.Mailbox {
	listed.Attributes = slices.DeleteFunc(slices.Clone(listed.Attributes), func(a string) bool {
		return strings.EqualFold(a, `\Marked`) || strings.EqualFold(a, `\Unmarked`)
	})
	listed.Status = nil
	return listed
}

// withListing is an earlier record under the name, attributes and subscription of today.
func withListing(old *manifest.Mailbox, listed mail.Mailbox) *manifest.Mailbox {
	now := *old
	now.Mailbox = withoutMarks(listed)
	now.Status, now.Label = old.Status, old.Label
	return &now
}
