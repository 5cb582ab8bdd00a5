package items

import "testing"

func TestTokensThatWentBack(t *testing.T) {
	for _, test := range []struct {
		before, now string
		want        bool
	}{
		{"http://sabre.io/ns/sync/17", "http://sabre.io/ns/sync/3", true},
		{"http://sabre.io/ns/sync/9", "http://sabre.io/ns/sync/10", false},
		{"http://sabre.io/ns/sync/9", "http://sabre.io/ns/sync/9", false},
		{"data:,1700000000-17", "data:,1700000001-3", false}, // another generation, which the server refuses
		{"data:,abc", "data:,3", false},
		{"", "3", false},
		{"3", "", false},
		{"http://radicale.org/ns/sync/99999999999999999999999999", "http://radicale.org/ns/sync/1", false},
	} {
		if got := wentBack(test.before, test.now); got != test.want {
			t.Errorf("%q, then %q: %t", test.before, test.now, got)
		}
	}
}
