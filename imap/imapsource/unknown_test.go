package imapsource_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// What a server does not give of a message is not made up: what is archived of it stays, a warning
// names the mailbox and the message, and the next backup asks again, although no number has
// changed.
func TestMissingFlagsAndDates(t *testing.T) {
	without := func(uid, what string) misbehavior {
		match := regexp.MustCompile(`( FETCH \(UID ` + uid + `)\b(.*) ` + what)
		return misbehavior{say: func(_ *session, response string) []string {
			return []string{match.ReplaceAllString(response, "$1$2")}
		}}
	}
	const flags, date = `FLAGS \(.*?\)`, `INTERNALDATE ".*?"`
	const again = "; the next backup asks again"
	for _, test := range []struct {
		name, uid, what, warning, record string
	}{
		{"flags", "1", flags, "the flags of the messages with UID 1" + again, `[] 02-Feb-2019 04:05:06 +0530`},
		{"date", "3", date, "the INTERNALDATE of the messages with UID 3" + again, `[\Flagged work] NIL`},
	} {
		t.Run(test.name, func(t *testing.T) {
			in(t, func(n *dailyBackups) {
				warned := func(warnings []string, times int) {
					t.Helper()
					count := 0
					for _, w := range warnings {
						if strings.HasPrefix(w, `mailbox "INBOX": `) && strings.HasSuffix(w, test.warning) {
							count++
						}
					}
					if count != times {
						t.Errorf("warnings: %q", warnings)
					}
				}
				uid := uint64(test.uid[0] - '0')
				at := place{"INBOX", n.model.box("INBOX").validity, uid}
				first := n.backUp(without(test.uid, test.what))
				warned(first.Manifest.Warnings, 1)
				if have := n.archived(first)[at]; !strings.HasPrefix(strings.Replace(have, " 2-Feb", "02-Feb", 1), test.record) {
					t.Errorf("archived: %s", have)
				}
				n.store.Advance(24 * time.Hour)
				warned(n.backUp(without(test.uid, test.what)).Manifest.Warnings, 1)
				n.store.Advance(24 * time.Hour)
				given := n.backUp(misbehavior{})
				n.check("given", given, whole)
				warned(given.Manifest.Warnings, 0)
				n.store.Advance(24 * time.Hour)
				n.model.box("INBOX").flag(uid, `\Deleted`)
				n.check("changed", n.backUp(misbehavior{}), whole)

				// What is archived stays when it is not given later.
				n.store.Advance(24 * time.Hour)
				n.model.box("INBOX").flag(uid, `\Draft`)
				later := n.backUp(without(test.uid, test.what))
				if test.what == flags {
					warned(later.Manifest.Warnings, 1)
					if have := n.archived(later)[at]; !strings.HasPrefix(have, `[\Deleted]`) {
						t.Errorf("archived: %s", have)
					}
				}
				n.store.Advance(24 * time.Hour)
				n.check("given again", n.backUp(misbehavior{}), whole)
			})
		})
	}
}

// A text that is no date is archived, and reported once.
func TestDateThatIsNoDate(t *testing.T) {
	in(t, func(n *dailyBackups) {
		n.model.box("INBOX").mails[4].date = "yesterday"
		const want = `mailbox "INBOX": the INTERNALDATE of the messages with UID 5 is no date; its text is archived as it is`
		first := n.backUp(misbehavior{})
		n.check("first", first, whole)
		if !slices.Contains(first.Manifest.Warnings, want) {
			t.Errorf("warnings: %q", first.Manifest.Warnings)
		}
		for night := range 40 { // flags are read in full in some of them
			n.store.Advance(24 * time.Hour)
			b := n.backUp(misbehavior{})
			if n.check(fmt.Sprint("night ", night), b, whole); len(b.Manifest.Warnings) > 0 {
				t.Errorf("night %d: warnings: %q", night, b.Manifest.Warnings)
			}
		}
	})
}
