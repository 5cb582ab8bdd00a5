package summary

import (
	"fmt"
	"strings"

	"github.com/mailstrata/mailstrata/manifest"
)

// isAboutItems reports whether an alarm is about scripts, events or contacts, and not about mail.
// It begins with their kind.
func isAboutItems(alarm string) bool {
	kind, _, _ := strings.Cut(alarm, " ")
	return kind == manifest.Sieve.String() || kind == manifest.Calendars.String() ||
		kind == manifest.AddressBooks.String()
}

// Comparisons are the commands that show what alarms are about, and those that restore it.
type Comparisons struct{ Show, Restore []string }

// Compare returns the commands that compare a manifest that has alarms with the one before it, and
// restore to the target, a word of a command line.
func Compare(alarms []string, before, after, target string) (c Comparisons) {
	var mail, items bool
	for _, alarm := range alarms {
		mail, items = mail || !isAboutItems(alarm), items || isAboutItems(alarm)
	}
	if mail {
		c.Show = append(c.Show, fmt.Sprintf("mailstrata diff %s %s", before, after))
		c.Restore = append(c.Restore, fmt.Sprintf("mailstrata restore %s --missing-from %s --to %s", before, after, target))
	}
	if items {
		c.Show = append(c.Show, fmt.Sprintf("mailstrata items %s --missing-from %s", before, after))
		c.Restore = append(c.Restore, fmt.Sprintf("mailstrata items %s --missing-from %s --to %s", before, after, target))
	}
	return c
}
