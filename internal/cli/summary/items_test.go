package summary_test

import (
	"slices"
	"testing"

	"github.com/mailstrata/mailstrata/internal/cli/summary"
)

// An alarm about a calendar leads to the command that shows calendars, and one about mail to diff.
func TestCompare(t *testing.T) {
	const ofMail, ofItems = `mailbox "calendar" is gone: 70 messages before; nowhere in the account that night: 70`, `calendar "Work": 0 of 20 items are left`
	diff, items := "mailstrata diff a b", "mailstrata items a --missing-from b"
	for _, test := range []struct{ alarms, want []string }{
		{[]string{ofMail}, []string{diff}},
		{[]string{ofItems}, []string{items}},
		{[]string{`addressbook "Friends": 1 of 50 items are left`, `sieve "": 0 of 3 items are left`}, []string{items}},
		{[]string{ofMail, "the account is empty: 80 messages before, none that night", ofItems}, []string{diff, items}},
	} {
		got := summary.Compare(test.alarms, "a", "b", "anna")
		if !slices.Equal(got.Show, test.want) || len(got.Restore) != len(test.want) {
			t.Errorf("%q: %+v, want %q", test.alarms, got, test.want)
		}
	}
}
