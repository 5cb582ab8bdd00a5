package gather_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/gather"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// What is gathered from several nights reads as it does in them, each message once, also if
// mailboxes were renumbered.
func TestGathered(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			account, shelf := archivetest.NewRandomAccount(seed, true), archivetest.NewMemReader(t)
			rng := rand.New(rand.NewPCG(seed, 2))
			g := gather.New()
			type place struct {
				raw      string
				validity uint32
				uid      mail.UID
			}
			want := map[place]archivetest.HeldMessage{} // as the newest night that was asked for it has it
			var last *archive.Contents
			for night := range 4 {
				for range 15 {
					account.Change()
				}
				c := account.Contents(t, shelf)
				c.Head.Time = time.Unix(int64(1000+night), 0)
				held := archivetest.Held(t, c)
				for m, err := range c.Mailboxes(t.Context()) {
					if err != nil {
						t.Fatal(err)
					}
					var uids mail.UIDSet
					for uid, message := range held[m.Raw] {
						if rng.IntN(2) == 0 {
							uids.Add(uid)
							want[place{m.Raw, m.UIDValidity(), uid}] = message
						}
					}
					g.Add(c, m, uids)
				}
				last = c
			}
			got, err := g.Contents(t.Context(), last)
			if err != nil {
				t.Fatal(err)
			}
			wanted := map[string][]archivetest.HeldMessage{} // in the order of UIDVALIDITY, which grows here, and UID
			for _, p := range slices.SortedFunc(maps.Keys(want), func(a, b place) int {
				if a.validity != b.validity {
					return int(a.validity) - int(b.validity)
				}
				return int(a.uid) - int(b.uid)
			}) {
				wanted[p.raw] = append(wanted[p.raw], want[p])
			}
			found := archivetest.Held(t, got)
			if len(found) != len(wanted) {
				t.Errorf("%d mailboxes, want %d", len(found), len(wanted))
			}
			for raw, messages := range wanted {
				var list []archivetest.HeldMessage
				for _, uid := range slices.Sorted(maps.Keys(found[raw])) {
					list = append(list, found[raw][uid])
				}
				if !slices.Equal(list, messages) {
					t.Errorf("mailbox %q: %v, want %v", raw, list, messages)
				}
			}
		})
	}
}

// A large mailbox has pages that readers accept, and keeps its UIDs.
func TestGatheredPages(t *testing.T) {
	s := archivetest.NewMemReader(t)
	sample := s.Record(t, archivetest.PlainMessages(1, 1)[0])
	var entries []manifest.Entry
	var wanted mail.UIDSet
	for i := range 5000 {
		entry := sample
		entry.UID, entry.Hash = mail.UID(i*i+1), s.Key.Sum(fmt.Append(nil, i))
		if entries = append(entries, entry); i%3 > 0 {
			wanted.Add(entry.UID)
		}
	}
	night := s.Contents(t, s.Pages(t, "many", entries))
	mailbox, err := night.Mailbox(t.Context(), "many")
	if err != nil {
		t.Fatal(err)
	}
	g := gather.New()
	g.Add(night, mailbox, wanted)
	c, err := g.Contents(t.Context(), night)
	if err != nil {
		t.Fatal(err)
	}
	want := archivetest.Held(t, night)["many"]
	maps.DeleteFunc(want, func(uid mail.UID, _ archivetest.HeldMessage) bool { return !wanted.Contains(uid) })
	if got := archivetest.Held(t, c)["many"]; !maps.Equal(got, want) {
		t.Errorf("%d messages, want %d", len(got), len(want))
	}
}

// Damage of one night is an error of the messages from there.
func TestGatheredDamage(t *testing.T) {
	s := archivetest.NewMemReader(t)
	night := s.Contents(t, s.Mailbox(t, "a", archivetest.PlainMessages(1, 5)...), s.Mailbox(t, "b", archivetest.PlainMessages(50, 5)...))
	g := gather.New()
	for m, err := range night.Mailboxes(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		var uids mail.UIDSet
		for e, err := range night.Entries(t.Context(), m) {
			if err != nil {
				t.Fatal(err)
			}
			uids.Add(e.UID)
		}
		g.Add(night, m, uids)
		if m.Raw == "a" {
			s.Lose(m.Pages[0].Records)
		}
	}
	c, err := g.Contents(t.Context(), night)
	if err != nil {
		t.Fatal(err)
	}
	damaged := 0
	read := 0
	for m, err := range c.Mailboxes(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range c.Entries(t.Context(), m) {
			switch {
			case err == nil:
				read++
			case archive.IsDamage(err):
				damaged++
			default:
				t.Error(err)
			}
		}
	}
	if damaged != 1 || read != 5 {
		t.Errorf("%d pages damaged, %d messages read", damaged, read)
	}
}
