package diff_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/diff"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// multiset counts the messages without their UIDs.
func multiset(messages map[mail.UID]archivetest.HeldMessage) map[archivetest.HeldMessage]int {
	set := map[archivetest.HeldMessage]int{}
	for _, m := range messages {
		set[m]++
	}
	return set
}

// apply applies the difference to the account before it.
func apply(
	t *testing.T, d *diff.Difference,
) (now map[string]map[mail.UID]archivetest.HeldMessage, renumbered map[string]bool) {
	t.Helper()
	was := archivetest.Held(t, d.Before)
	now, renumbered = maps.Clone(was), map[string]bool{}
	for _, m := range d.Mailboxes {
		if m.Before != nil {
			delete(now, m.Before.Raw)
		}
	}
	for _, m := range d.Mailboxes {
		messages := map[mail.UID]archivetest.HeldMessage{}
		if m.Before != nil {
			messages = maps.Clone(was[m.Before.Raw])
		}
		count := map[diff.Kind]int64{}
		for change, err := range d.Changes(t.Context(), m) {
			if err != nil {
				t.Fatal(err)
			}
			count[change.Kind]++
			e := change.Entry
			switch change.Kind {
			case diff.Removed, diff.MovedOut:
				if messages[e.UID].Hash != e.Hash {
					t.Errorf("UID %d left mailbox %q without having been there", e.UID, m.Before.Raw)
				}
				delete(messages, e.UID)
			case diff.Reflagged:
				if m.Renumbered { // the UID is a new one
					old := archivetest.HeldMessage{Hash: e.Hash, Flags: strings.Join(change.Was.Flags, " ")}
					for uid, have := range messages {
						if have == old {
							delete(messages, uid)
							break
						}
					}
					messages[e.UID+1<<20] = archivetest.HeldMessage{Hash: e.Hash, Flags: strings.Join(e.Flags, " ")}
					continue
				}
				if have := messages[e.UID]; have.Hash != e.Hash || have.Flags != strings.Join(change.Was.Flags, " ") {
					t.Errorf("UID %d had %q, the difference says %q", e.UID, have.Flags, change.Was.Flags)
				}
				fallthrough
			default:
				uid := e.UID
				if m.Renumbered {
					uid += 1 << 21
				}
				messages[uid] = archivetest.HeldMessage{Hash: e.Hash, Flags: strings.Join(e.Flags, " ")}
			}
			if (change.Peer != nil) != (change.Kind == diff.MovedIn || change.Kind == diff.MovedOut) {
				t.Errorf("%s with mailbox %v", change.Kind, change.Peer)
			}
		}
		want := map[diff.Kind]int64{diff.Removed: m.Removed, diff.MovedOut: m.MovedOut, diff.Added: m.Added, diff.MovedIn: m.MovedIn, diff.Reflagged: m.Reflagged}
		for kind, n := range want {
			if count[kind] != n {
				t.Errorf("mailbox %q: %d %s, counted were %d", m.Mailbox().Raw, count[kind], kind, n)
			}
		}
		if m.After != nil {
			now[m.After.Raw], renumbered[m.After.Raw] = messages, m.Renumbered
		}
	}
	return now, renumbered
}

// TestDiffApplied checks that applying the difference to the account before gives the account
// after, and that, of each message, the copies removed minus those added are the copies that the
// account has fewer of.
func TestDiffApplied(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			scene, shelf := archivetest.NewRandomAccount(seed, seed%2 == 0), archivetest.NewMemReader(t)
			before := scene.Contents(t, shelf)
			for range scene.Random.IntN(40) {
				scene.Change()
			}
			after := scene.Contents(t, shelf)
			d, err := diff.Compare(t.Context(), before, after)
			if err != nil || d.Whole() != nil {
				t.Fatal(err, d.Whole())
			}
			got, renumbered := apply(t, d)
			want := archivetest.Held(t, after)
			if !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))) {
				t.Fatalf("mailboxes %v, want %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
			}
			for name := range want {
				equal := maps.Equal(got[name], want[name])
				if renumbered[name] {
					equal = maps.Equal(multiset(got[name]), multiset(want[name]))
				}
				if !equal {
					t.Errorf("mailbox %q:\n%v\nwant\n%v", name, got[name], want[name])
				}
			}
			balance(t, d)
			if totals := d.Totals(); totals.MovedIn != totals.MovedOut {
				t.Errorf("%d moved in, %d out", totals.MovedIn, totals.MovedOut)
			}
		})
	}
}

// balance checks the rows of the difference against the copies that each side has.
func balance(t *testing.T, d *diff.Difference) {
	t.Helper()
	copies := map[chunk.ID]int{}
	for c, sign := range map[*archive.Contents]int{d.Before: 1, d.After: -1} {
		for _, messages := range archivetest.Held(t, c) {
			for _, m := range messages {
				copies[m.Hash] += sign
			}
		}
	}
	removed, added := d.Unpaired()
	for _, hash := range removed {
		copies[hash]--
	}
	for _, hash := range added {
		copies[hash]++
	}
	for hash, n := range copies {
		if n != 0 {
			t.Errorf("message %s: %d copies are not accounted for", hash, n)
		}
	}
}

// TestDiffCases checks how single changes are described.
func TestDiffCases(t *testing.T) {
	letters := archivetest.PlainMessages(1, 10)
	other := archivetest.PlainMessages(100, 10)
	status := func(m manifest.Mailbox, validity, next uint32, id string) manifest.Mailbox {
		m.Status = &mail.Status{UIDValidity: validity, UIDNext: next, Messages: uint32(m.Messages), MailboxID: id}
		return m
	}
	for _, test := range []struct {
		name          string
		before, after func(s *archivetest.MemReader) []manifest.Mailbox
		want          string
	}{
		{"nothing",
			func(s *archivetest.MemReader) []manifest.Mailbox {
				return []manifest.Mailbox{s.Mailbox(t, "a", letters...)}
			},
			func(s *archivetest.MemReader) []manifest.Mailbox {
				return []manifest.Mailbox{s.Mailbox(t, "a", letters...)}
			}, ""},
		{"renamed, known by its id, and grown",
			func(s *archivetest.MemReader) []manifest.Mailbox {
				return []manifest.Mailbox{status(s.Mailbox(t, "a", letters[:9]...), 3, 10, "x")}
			},
			func(s *archivetest.MemReader) []manifest.Mailbox {
				return []manifest.Mailbox{status(s.Mailbox(t, "b", letters...), 3, 11, "x")}
			},
			"b: renamed from a, 1 added"},
		{"renamed, known by its numbers",
			func(s *archivetest.MemReader) []manifest.Mailbox {
				return []manifest.Mailbox{status(s.Mailbox(t, "a", letters...), 3, 11, "")}
			},
			func(s *archivetest.MemReader) []manifest.Mailbox {
				return []manifest.Mailbox{status(s.Mailbox(t, "b", letters[1:]...), 3, 11, "")}
			},
			"b: renamed from a, 1 removed"},
		{"not renamed: the same numbers, other mail",
			func(s *archivetest.MemReader) []manifest.Mailbox {
				return []manifest.Mailbox{status(s.Mailbox(t, "a", letters...), 3, 200, "")}
			},
			func(s *archivetest.MemReader) []manifest.Mailbox {
				return []manifest.Mailbox{status(s.Mailbox(t, "b", other...), 3, 200, "")}
			},
			"a: removed, 10 removed; b: created, 10 added"},
		{"renamed, and a new one in its place",
			func(s *archivetest.MemReader) []manifest.Mailbox {
				return []manifest.Mailbox{status(s.Mailbox(t, "a", letters...), 3, 11, "")}
			},
			func(s *archivetest.MemReader) []manifest.Mailbox {
				return []manifest.Mailbox{status(s.Mailbox(t, "a", other...), 9, 110, ""), status(s.Mailbox(t, "b", letters...), 3, 11, "")}
			},
			"a: created, 10 added; b: renamed from a"},
		{"renumbered",
			func(s *archivetest.MemReader) []manifest.Mailbox {
				return []manifest.Mailbox{status(s.Mailbox(t, "a", letters...), 3, 11, "")}
			},
			func(s *archivetest.MemReader) []manifest.Mailbox {
				moved := slices.Clone(letters[2:])
				for i := range moved {
					moved[i].UID += 5
				}
				return []manifest.Mailbox{status(s.Mailbox(t, "a", moved...), 4, 30, "")}
			},
			"a: renumbered, 2 removed"},
		{"moved",
			func(s *archivetest.MemReader) []manifest.Mailbox {
				return []manifest.Mailbox{s.Mailbox(t, "a", letters...), s.Mailbox(t, "b")}
			},
			func(s *archivetest.MemReader) []manifest.Mailbox {
				return []manifest.Mailbox{s.Mailbox(t, "a", letters[3:]...), s.Mailbox(t, "b", letters[:3]...)}
			},
			"a: 3 moved out; b: 3 moved in"},
		{"a UID given again",
			func(s *archivetest.MemReader) []manifest.Mailbox {
				return []manifest.Mailbox{s.Mailbox(t, "a", letters...)}
			},
			func(s *archivetest.MemReader) []manifest.Mailbox {
				changed := slices.Clone(letters)
				changed[4].Body = []byte("another")
				return []manifest.Mailbox{s.Mailbox(t, "a", changed...)}
			},
			"a: 1 added, 1 removed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := archivetest.NewMemReader(t)
			d, err := diff.Compare(t.Context(), s.Contents(t, test.before(s)...), s.Contents(t, test.after(s)...))
			if err != nil {
				t.Fatal(err)
			}
			if got := inWords(d); got != test.want {
				t.Errorf("%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// inWords describes a difference in a few words.
func inWords(d *diff.Difference) string {
	var boxes []string
	for _, m := range d.Mailboxes {
		var words []string
		for _, w := range []struct {
			is   bool
			word string
		}{{m.Created(), "created"}, {m.WasRemoved(), "removed"}, {m.Renumbered, "renumbered"}} {
			if w.is {
				words = append(words, w.word)
			}
		}
		if m.Renamed() {
			words = append(words, "renamed from "+m.Before.Raw)
		}
		for _, c := range []struct {
			n    int64
			what string
		}{{m.Added, "added"}, {m.Removed, "removed"}, {m.MovedIn, "moved in"}, {m.MovedOut, "moved out"}, {m.Reflagged, "reflagged"}} {
			if c.n > 0 {
				words = append(words, fmt.Sprint(c.n, " ", c.what))
			}
		}
		boxes = append(boxes, m.Mailbox().Raw+": "+strings.Join(words, ", "))
	}
	return strings.Join(boxes, "; ")
}

// However much both manifests share, it is not read.
func TestDiffReadsOnlyChanges(t *testing.T) {
	s := archivetest.NewMemReader(t)
	sample := s.Record(t, archivetest.PlainMessages(1, 1)[0])
	entries := make([]manifest.Entry, 80_000)
	for i := range entries {
		entries[i] = sample
		entries[i].UID = mail.UID(i + 1)
		entries[i].Hash = s.Key.Sum(fmt.Append(nil, i))
	}
	many := s.Pages(t, "many", entries)
	changed := slices.Clone(entries)
	changed[40_000].Flags = mail.NewFlags(`\Flagged`)
	changed = changed[:79_990]
	for i := range 5 {
		entry := sample
		entry.UID, entry.Hash = mail.UID(80_001+i), s.Key.Sum(fmt.Append(nil, "new", i))
		changed = append(changed, entry)
	}
	before := s.Contents(t, many, s.Mailbox(t, "other", archivetest.PlainMessages(1, 3000)...))
	after := s.Contents(t, s.Pages(t, "many", changed), s.Mailbox(t, "other", archivetest.PlainMessages(1, 3000)...))
	if len(many.Groups) < 10 {
		t.Fatalf("the mailbox has %d list groups", len(many.Groups))
	}
	s.Reads = 0
	d, err := diff.Compare(t.Context(), before, after)
	if err != nil {
		t.Fatal(err)
	}
	if got := inWords(d); got != "many: 5 added, 10 removed, 1 reflagged" {
		t.Error(got)
	}
	if s.Reads > 20 { // lists and pages of both, and the tables
		t.Errorf("%d chunks read", s.Reads)
	}
}

// A mailbox that grew, so that its page lists are in groups now, is compared as any other, in both
// directions.
func TestDiffOfAMailboxThatGotGroups(t *testing.T) {
	s := archivetest.NewMemReader(t)
	small := s.Mailbox(t, "a", archivetest.PlainMessages(1, 2000)...)
	large := s.Mailbox(t, "a", archivetest.PlainMessages(1, 2100)...)
	if len(small.Lists) == 0 || len(large.Groups) == 0 {
		t.Fatalf("%d lists, %d groups", len(small.Lists), len(large.Groups))
	}
	for want, pair := range map[string][2]manifest.Mailbox{"a: 100 added": {small, large}, "a: 100 removed": {large, small}, "": {large, large}} {
		s.Reads = 0
		d, err := diff.Compare(t.Context(), s.Contents(t, pair[0]), s.Contents(t, pair[1]))
		if err != nil {
			t.Fatal(err)
		}
		if got := inWords(d); got != want || s.Reads > 50 {
			t.Errorf("%q, want %q; %d chunks were read", got, want, s.Reads)
		}
	}
	s.Lose(large.Groups[0])
	d, err := diff.Compare(t.Context(), s.Contents(t, small), s.Contents(t, large))
	if err != nil || !archive.IsDamage(d.Whole()) {
		t.Errorf("a lost group: %v, %v", err, d.Whole())
	}
}

// A mailbox that cannot be compared is reported, and is not taken for one that changed.
func TestDiffDamage(t *testing.T) {
	s := archivetest.NewMemReader(t)
	a := s.Mailbox(t, "a", archivetest.PlainMessages(1, 5)...)
	before := s.Contents(t, a, s.Mailbox(t, "b", archivetest.PlainMessages(50, 5)...))
	after := s.Contents(t, s.Mailbox(t, "a", archivetest.PlainMessages(1, 6)...), s.Mailbox(t, "b", archivetest.PlainMessages(50, 7)...))
	s.Lose(a.Pages[0].Records)
	d, err := diff.Compare(t.Context(), before, after)
	if err != nil || d.Whole() == nil || !archive.IsDamage(d.Whole()) {
		t.Fatal(err, d.Whole())
	}
	if got := inWords(d); got != "a: ; b: 2 added" {
		t.Error(got)
	}
	s.FailAt = s.Reads + 1
	if _, err := diff.Compare(t.Context(), before, after); err == nil {
		t.Error("a store that is gone is no damage of a mailbox")
	}
}
