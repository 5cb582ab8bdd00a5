package wire

import (
	"testing"

	"github.com/mailstrata/mailstrata/mail"
)

// The set of UIDs is right in any order.
func TestUIDsInAnyOrder(t *testing.T) {
	for name, uids := range map[string][]mail.UIDRange{
		"backwards": {{First: 9, Last: 9}, {First: 7, Last: 7}, {First: 5, Last: 6}, {First: 1, Last: 1}},
		"twice":     {{First: 5, Last: 7}, {First: 5, Last: 6}, {First: 9, Last: 9}, {First: 1, Last: 1}, {First: 9, Last: 9}},
		"within":    {{First: 9, Last: 9}, {First: 1, Last: 1}, {First: 5, Last: 7}, {First: 6, Last: 6}},
	} {
		var u UIDCollector
		for _, r := range uids {
			if err := u.Add(r); err != nil {
				t.Fatal(err)
			}
		}
		if have := u.Set().String(); have != "1,5:7,9" {
			t.Errorf("%s: %s", name, have)
		}
	}
	var u UIDCollector
	for i := range 3 * maxLoose {
		uid := mail.UID(6*maxLoose - 2*i)
		if err := u.Add(mail.UIDRange{First: uid, Last: uid}); err != nil {
			t.Fatal(err)
		}
	}
	if n := u.Set().Len(); n != 3*maxLoose || !u.Contains(2) || u.Contains(3) {
		t.Errorf("%d of %d", n, 3*maxLoose)
	}
}
