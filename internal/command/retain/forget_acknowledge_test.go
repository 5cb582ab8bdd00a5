package retain

import "testing"

// An alarm says what the comparison finds, also if a backup added something to it, and if an older
// program wrote it.
func TestSays(t *testing.T) {
	const found = `mailbox "A": 9 messages before, 3 that night; nowhere in the account: 6 of those before`
	for alarm, want := range map[string]bool{
		found: true,
		found + `; it may have been moved to a mailbox that is not archived, such as "Shared"`:    true,
		`mailbox "A": 9 messages before, 3 now; nowhere in the account: 6 of those before`:        true,
		`mailbox "A": 9 messages before, 4 now; nowhere in the account: 5 of those before`:        false,
		`mailbox "B": 9 messages before, 3 that night; nowhere in the account: 6 of those before`: false,
		"": false,
	} {
		if got := says([]string{"another alarm", alarm}, found); got != want {
			t.Errorf("%q: %v", alarm, got)
		}
	}
}
