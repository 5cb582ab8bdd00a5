package e2e_test

import (
	"maps"
	"slices"
	"testing"
)

// sameAccount requires two accounts to have the same mailboxes, and in each, in the same order,
// messages with the same bytes, flags, keywords and INTERNALDATE.
func sameAccount(t testing.TB, have, want account) {
	t.Helper()
	if h, w := slices.Sorted(maps.Keys(have)), slices.Sorted(maps.Keys(want)); !slices.Equal(h, w) {
		t.Errorf("there are mailboxes\n%q, want\n%q", h, w)
	}
	for name, w := range want {
		h := have[name]
		if h == nil {
			continue
		}
		if h.selectable != w.selectable || h.subscribed != w.subscribed {
			t.Errorf("mailbox %s: selectable %t, subscribed %t, want %t, %t", name, h.selectable, h.subscribed, w.selectable, w.subscribed)
		}
		sameLetters(t, name, h.letters, w.letters)
	}
}

func sameLetters(t testing.TB, mailbox string, have, want []*letter) {
	t.Helper()
	if len(have) != len(want) {
		t.Errorf("mailbox %s: %d messages, want %d", mailbox, len(have), len(want))
	}
	wrong := 0
	for i := range min(len(have), len(want)) {
		if h, w := have[i].String(), want[i].String(); h != w {
			t.Errorf("mailbox %s, message %d (UID %d, now %d):\nhave %s\nwant %s", mailbox, i+1, want[i].uid, have[i].uid, h, w)
			if h, w := have[i].contents, want[i].contents; len(h) < 500 && len(w) < 500 {
				t.Logf("have %q\nwant %q", h, w)
			}
			if wrong++; wrong == 5 {
				return
			}
		}
	}
}

// count returns how many messages an account has.
func (a account) count() (n int) {
	for _, b := range a {
		n += len(b.letters)
	}
	return n
}
