package view_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
	"github.com/mailstrata/mailstrata/serve/view"
)

// account is the name that archivetest.Backup gives an account.
const account = "account-0"

// archived archives an account on several nights, and changes it before each.
func archived(t *testing.T, a *archivetest.Account, nights ...func()) (*repo.Repo, view.Archives) {
	t.Helper()
	store := new(storetest.Memory)
	r := archivetest.NewRepo(t, store)
	for _, change := range nights {
		change()
		archivetest.Backup(t, r, a)
		store.Advance(24 * time.Hour)
	}
	return r, view.Archives{view.NewArchive(archivetest.Reopen(t, store))}
}

func open(t *testing.T, all view.Archives, user string) *view.View {
	t.Helper()
	v, err := all.Open(t.Context(), user, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Damage) > 0 {
		t.Errorf("%s: %v", user, v.Damage)
	}
	return v
}

func names(v *view.View) (names []string) {
	for _, m := range v.Mailboxes {
		names = append(names, m.Name)
	}
	return names
}

// texts returns the messages of a mailbox: UIDs and bodies, which are read by their records.
func texts(t *testing.T, v *view.View, mailbox string) string {
	t.Helper()
	m := v.Mailbox(mailbox)
	if m == nil {
		t.Fatalf("there is no mailbox %s among %q", mailbox, names(v))
	}
	l, err := m.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Damage) > 0 {
		t.Errorf("%s: %v", mailbox, l.Damage)
	}
	var all []string
	every := func(yield func(int) bool) {
		for i := range l.Len() {
			if !yield(i) {
				return
			}
		}
	}
	for m, err := range l.Records(t.Context(), every) {
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := l.Contents().Body(m.Record).WriteTo(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		_, text, _ := strings.Cut(b.String(), "\r\n\r\n")
		all = append(all, strings.TrimSpace(fmt.Sprintf("%d %s %s", l.UID(m.Index), text, strings.Join(l.Flags(l.Set(m.Index)), " "))))
	}
	if numbers, err := m.Numbers(t.Context()); err != nil || numbers.Messages != int64(l.Len()) || numbers.UIDValidity != l.UIDValidity || l.UIDValidity == 0 ||
		l.Len() > 0 && uint32(l.UID(l.Len()-1)) >= numbers.UIDNext {
		t.Errorf("the numbers of %s are %+v, %v", mailbox, numbers, err)
	}
	return strings.Join(all, "; ")
}

func body(text string) string { return "Subject: s\r\n\r\n" + text }

// A login shows the night that it names, or the latest.
func TestNights(t *testing.T) {
	a := archivetest.NewAccount()
	inbox := a.Mailbox("INBOX")
	_, all := archived(t, a,
		func() { inbox.Add(body("one")); inbox.Add(body("two")) },
		func() { inbox.SetFlags(1, `\Seen`); inbox.Expunge(2); inbox.Add(body("three")) },
		func() { a.Mailbox("new/below").Add(body("four")) },
	)
	for user, want := range map[string]string{account: "1 one \\Seen; 3 three", account + "#latest~1": "1 one \\Seen; 3 three", account + "#latest~2": "1 one; 2 two"} {
		if have := texts(t, open(t, all, user), "inbox"); have != want {
			t.Errorf("%s: %s, want %s", user, have, want)
		}
	}
	if v := open(t, all, account); v.Mailbox("new/below") == nil || v.Night.Name == "" {
		t.Errorf("the latest night has %q", names(v))
	}
	if v := open(t, all, account+"#latest~1"); v.Mailbox("new/below") != nil {
		t.Errorf("the night before has %q", names(v))
	}
	for _, user := range []string{"", "#", "nobody", "nobody#latest", account + "#", account + "#latest~9", account + "#" + account + "@latest", "x#" + account} {
		if _, err := all.Open(t.Context(), user, time.Now()); !errors.Is(err, view.ErrNoView) {
			t.Errorf("%q: %v", user, err)
		}
	}
	v := open(t, all, account+"#nights")
	if slices.Sort(names(v)); len(slices.Compact(names(v))) != len(v.Mailboxes) {
		t.Errorf("two mailboxes have the same name: %q", names(v))
	}
	if len(v.Mailboxes) != 4 || !strings.HasSuffix(v.Mailboxes[0].Name, "/INBOX") || !strings.HasSuffix(v.Mailboxes[3].Name, "/new/below") {
		t.Errorf("side by side: %q", names(v))
	}
	if have := texts(t, v, v.Mailboxes[0].Name); have != "1 one; 2 two" {
		t.Errorf("the oldest night: %s", have)
	}
}

// A night has its subscriptions. If it has none but INBOX, all mailboxes count as subscribed,
// because some mail programs show no others.
func TestSubscriptions(t *testing.T) {
	a := archivetest.NewAccount()
	inbox, work := a.Mailbox("INBOX"), a.Mailbox("work")
	a.Mailbox("other")
	_, all := archived(t, a,
		func() { work.Subscribed = true },
		func() { work.Subscribed, inbox.Subscribed = false, true },
	)
	for user, want := range map[string]string{
		account: "INBOX other work", account + "#latest~1": "work", account + "#ever": "INBOX other work",
		account + "#nights": "work INBOX other work",
	} {
		var subscribed []string
		for _, m := range open(t, all, user).Mailboxes {
			if m.Subscribed {
				subscribed = append(subscribed, m.Name[strings.LastIndex(m.Name, "/")+1:])
			}
		}
		if have := strings.Join(subscribed, " "); have != want {
			t.Errorf("%s: subscribed are %s, want %s", user, have, want)
		}
	}
}

// All messages that were ever in a mailbox are there once, and those that are gone are those that
// are nowhere.
func TestEverAndGone(t *testing.T) {
	a := archivetest.NewAccount()
	inbox, sent := a.Mailbox("INBOX"), a.Mailbox("Sent")
	_, all := archived(t, a,
		func() {
			for n := range 40 { // more than a page
				inbox.Add(body(fmt.Sprint("message ", n+1)))
			}
			a.Mailbox("old").Add(body("in a mailbox that is deleted"))
		},
		func() {
			inbox.SetFlags(3, `\Flagged`)
			inbox.Expunge(1)
			inbox.MoveTo(sent, 2)
			delete(a.Mailboxes, "old")
		},
		func() { inbox.Expunge(3); inbox.Reset(); inbox.Add(body("last")) },
	)
	v := open(t, all, account+"#ever")
	if want := []string{"INBOX", "Sent", "old"}; !slices.Equal(names(v), want) {
		t.Errorf("have %q", names(v))
	}
	ever := strings.Split(texts(t, v, "INBOX"), "; ")
	if len(ever) != 41 || ever[0] != "1 message 1" || ever[1] != "2 message 2" || ever[2] != "3 message 3 \\Flagged" || !strings.HasSuffix(ever[40], " last") {
		t.Errorf("ever: %d %q", len(ever), ever)
	}
	found := make(map[string]bool)
	for _, text := range ever {
		_, text, _ = strings.Cut(text, " ")
		if found[text] {
			t.Errorf("%s is there twice", text)
		}
		found[text] = true
	}
	v = open(t, all, account+"#gone")
	for mailbox, want := range map[string]string{"INBOX": "1 message 1; 3 message 3 \\Flagged", "Sent": "", "old": "1 in a mailbox that is deleted"} {
		if have := texts(t, v, mailbox); have != want {
			t.Errorf("gone from %s: %s, want %s", mailbox, have, want)
		}
	}
}

// A message that was deleted and restored, or is there twice, is shown once: with its last UID.
func TestEverShowsAMessageOnce(t *testing.T) {
	a := archivetest.NewAccount()
	inbox := a.Mailbox("INBOX")
	_, all := archived(t, a,
		func() {
			inbox.Add(body("one"))
			inbox.Add(body("two"))
			inbox.Add(body("twice"))
			inbox.Add(body("twice"))
		},
		func() { inbox.Expunge(1) },
		func() { inbox.Add(body("one")); inbox.SetFlags(5, `\Seen`) },
		func() { inbox.Expunge(2) },
	)
	if have, want := texts(t, open(t, all, account+"#ever"), "INBOX"), "2 two; 3 twice; 5 one \\Seen"; have != want {
		t.Errorf("ever: %s, want %s", have, want)
	}
	if have := texts(t, open(t, all, account+"#gone"), "INBOX"); have != "2 two" {
		t.Errorf("gone: %s", have)
	}
}

// Sessions share the list of a mailbox, and so do nights in which it is the same.
func TestListsAreShared(t *testing.T) {
	a := archivetest.NewAccount()
	inbox := a.Mailbox("INBOX")
	_, all := archived(t, a, func() { inbox.Add(body("one")) }, func() { a.Mailbox("other").Add(body("two")) })
	var lists []*view.List
	for _, user := range []string{account, account, account + "#latest~1"} {
		l, err := open(t, all, user).Mailbox("INBOX").Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		lists = append(lists, l)
	}
	if lists[0] != lists[1] || lists[0] != lists[2] {
		t.Error("a list is loaded twice")
	}
	if at := lists[0].At(mail.UID(2)); at != 1 {
		t.Errorf("UID 2 is at %d", at)
	}
}

// Nights of the same minute have different names.
func TestNightsOfOneMinute(t *testing.T) {
	a := archivetest.NewAccount()
	r := archivetest.NewRepo(t, new(storetest.Memory))
	for n := range 3 {
		a.Mailbox("INBOX").Add(body(fmt.Sprint(n)))
		archivetest.Backup(t, r, a)
	}
	v := open(t, view.Archives{view.NewArchive(r)}, account+"#nights")
	if len(v.Mailboxes) != 3 || v.Mailboxes[0].Name == v.Mailboxes[1].Name || v.Mailboxes[1].Name == v.Mailboxes[2].Name {
		t.Errorf("have %q", names(v))
	}
}
