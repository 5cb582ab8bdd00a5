package deleted_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/deleted"
	"github.com/mailstrata/mailstrata/archive/gather"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// night archives the account, an hour after the night before.
func night(t *testing.T, r *repo.Repo, a *archivetest.Account) repo.Head {
	t.Helper()
	time.Sleep(time.Hour)
	return archivetest.Backup(t, r, a).Head
}

func open(t *testing.T, r *repo.Repo, head repo.Head) *archive.Contents {
	t.Helper()
	c, err := archive.OpenManifest(t.Context(), r, head)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func find(t *testing.T, r *repo.Repo, from, to repo.Head, o deleted.Options) *deleted.Found {
	t.Helper()
	found, err := deleted.Find(t.Context(), r, open(t, r, from), open(t, r, to), o)
	if err != nil || len(found.Damage) > 0 {
		t.Fatal(err, found.Damage)
	}
	return found
}

// places returns which mailbox each message is restored to, by its text.
func places(t *testing.T, r *repo.Repo, found *deleted.Found, base repo.Head) map[string]string {
	t.Helper()
	g := gather.New()
	for _, m := range found.Messages {
		g.Add(m.Night, m.Mailbox, m.UIDs)
	}
	c, err := g.Contents(t.Context(), open(t, r, base))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for m, err := range c.Mailboxes(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for e, err := range c.Entries(t.Context(), m) {
			if err != nil {
				t.Fatal(err)
			}
			header, err := c.Header(t.Context(), &e.Record)
			if err != nil {
				t.Fatal(err)
			}
			if before, twice := all[string(header)]; twice {
				t.Errorf("%q is in %s and in %s", header, before, m.Raw)
			}
			all[string(header)] = m.Raw
		}
	}
	return all
}

// Each message that any night had and the last one does not is found once, where it was last, or
// where it was before Trash.
func TestFindAgainstAllNights(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { againstAllNights(t, seed) })
		})
	}
}

func againstAllNights(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 3))
	r, a := archivetest.NewRepo(t, new(storetest.Memory)), archivetest.NewAccount()
	names := []string{"INBOX", "Work", "Home", "Trash"}
	serial := 0
	change := func() {
		from := a.Mailbox(names[rng.IntN(len(names))])
		at := -1
		if len(from.Messages) > 0 {
			at = rng.IntN(len(from.Messages))
		}
		switch action := rng.IntN(8); {
		case action < 3 || at < 0:
			serial++
			a.Mailbox(names[rng.IntN(3)]).Add(fmt.Sprintf("Subject: %d\r\n\r\ntext\r\n", serial))
		case action < 5:
			from.Expunge(from.Messages[at].UID)
		default:
			if to := a.Mailbox(names[rng.IntN(len(names))]); to != from {
				from.MoveTo(to, from.Messages[at].UID)
			}
		}
	}
	for _, name := range names {
		a.Mailbox(name)
	}
	var heads []repo.Head
	var states []map[string]string // the mailbox of each text
	for range 8 {
		for range 25 {
			change()
		}
		state := map[string]string{}
		for name, m := range a.Mailboxes {
			for _, message := range m.Messages {
				state[headerOf(message.Body)] = name
			}
		}
		heads, states = append(heads, night(t, r, a)), append(states, state)
	}
	for first := range len(heads) - 1 {
		want, leftOut, inTrash := map[string]string{}, int64(0), int64(0)
		last := states[len(states)-1]
		ever := map[string]string{} // the last mailbox that is not Trash
		for _, state := range states[first:] {
			for text, name := range state {
				if name != "Trash" || ever[text] == "" {
					ever[text] = name
				}
			}
		}
		for text, name := range ever {
			now, there := last[text]
			switch {
			case there && now == "Trash" && name != "Trash":
				inTrash++
			case there:
			case name == "Trash":
				leftOut++
			default:
				want[text] = name
			}
		}
		found := find(t, r, heads[first], heads[len(heads)-1], deleted.Options{})
		if got := places(t, r, found, heads[len(heads)-1]); !maps.Equal(got, want) || found.Count != int64(len(want)) {
			t.Errorf("from night %d: %v, want %v", first, got, want)
		}
		if found.LeftOut != leftOut || found.InTrash != inTrash {
			t.Errorf("from night %d: %d left out, want %d; %d in Trash, want %d", first, found.LeftOut, leftOut, found.InTrash, inTrash)
		}
	}
}

func headerOf(body []byte) string {
	at := slices.Index(body, '\n')
	return string(body[:at+1]) + "\r\n"
}

// With the name of a mailbox, that mailbox counts alone, even Trash.
func TestFindInOneMailbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, a := archivetest.NewRepo(t, new(storetest.Memory)), archivetest.NewAccount()
		inbox, trash := a.Mailbox("INBOX"), a.Mailbox("Trash")
		for i := range 6 {
			inbox.Add(fmt.Sprintf("Subject: %d\r\n\r\n", i))
		}
		first := night(t, r, a)
		for uid := range inbox.Next {
			if uid%2 == 1 {
				inbox.MoveTo(trash, uid)
			}
		}
		inbox.Expunge(2)
		night(t, r, a)
		trash.Expunge(1)
		last := night(t, r, a)
		for _, test := range []struct {
			mailbox string
			want    int
		}{{"INBOX", 2}, {"Trash", 1}, {"Work", 0}} {
			found := find(t, r, first, last, deleted.Options{Emptied: true, Wants: func(m *manifest.Mailbox) bool { return m.Raw == test.mailbox }})
			got := places(t, r, found, last)
			if len(got) != test.want {
				t.Errorf("%s: %v", test.mailbox, got)
			}
			for _, name := range got {
				if name != test.mailbox {
					t.Errorf("%s: %v", test.mailbox, got)
				}
			}
		}
	})
}

// A message that is copied one night and deleted where it was on another is moved, as far as the
// copy is where it came. Mail that arrives and is deleted is found.
func TestFindSlowMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, a := archivetest.NewRepo(t, new(storetest.Memory)), archivetest.NewAccount()
		inbox, work, trash := a.Mailbox("INBOX"), a.Mailbox("Work"), a.Mailbox("Trash")
		const moved, copyMoved, toTrash, back = 1, 2, 3, 4
		for _, name := range []string{"moved", "copy moved", "to trash", "back"} {
			inbox.Add("Subject: " + name + "\r\n\r\n")
		}
		from := night(t, r, a)
		for uid := mail.UID(moved); uid <= copyMoved; uid++ {
			inbox.CopyTo(work, uid)
		}
		inbox.CopyTo(trash, toTrash)
		arrived := inbox.Add("Subject: arrived and deleted\r\n\r\n").UID
		inbox.Expunge(back)
		night(t, r, a)
		for uid := mail.UID(moved); uid <= toTrash; uid++ {
			inbox.Expunge(uid)
		}
		inbox.Expunge(arrived)
		work.Add("Subject: back\r\n\r\n")
		night(t, r, a)
		work.MoveTo(a.Mailbox("Home"), copyMoved)
		to := night(t, r, a)

		found := find(t, r, from, to, deleted.Options{})
		want := map[string]string{
			"Subject: copy moved\r\n\r\n": "INBOX", "Subject: to trash\r\n\r\n": "INBOX",
			"Subject: arrived and deleted\r\n\r\n": "INBOX",
		}
		if got := places(t, r, found, to); !maps.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}

// Many nights are compared in few round trips.
func TestFindRoundTrips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, a := new(storetest.Memory), archivetest.NewAccount()
		r := archivetest.NewRepo(t, m)
		inbox := a.Mailbox("INBOX")
		var heads []repo.Head
		for i := range 30 {
			for j := range 5 {
				inbox.Add(fmt.Sprintf("Subject: %d %d\r\n\r\n", i, j))
			}
			if i > 0 {
				inbox.Expunge(inbox.Messages[0].UID)
			}
			heads = append(heads, night(t, r, a))
		}
		far := storetest.NewFar(m)
		r = archivetest.Reopen(t, far)
		from, to := open(t, r, heads[0]), open(t, r, heads[29])
		far.Reset()
		found, err := deleted.Find(t.Context(), r, from, to, deleted.Options{})
		if err != nil || found.Count != 29 {
			t.Fatal(found, err)
		}
		t.Logf("%d round trips, %+v", far.RoundTrips(), far.Requests())
		if far.RoundTrips() > 16 {
			t.Errorf("%d round trips, %+v", far.RoundTrips(), far.Requests())
		}
	})
}
