package archive

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// scene is an account in memory that changes at random, and can be laid as a manifest.
type scene struct {
	random *rand.Rand
	boxes  map[string]*sceneBox
	serial int // of messages and mailboxes
	ids    bool
}

type sceneBox struct {
	validity, next uint32
	id             string
	letters        []letter
}

func newScene(seed uint64, ids bool) *scene {
	s := &scene{random: rand.New(rand.NewPCG(seed, 1)), boxes: map[string]*sceneBox{}, ids: ids}
	for range 5 {
		box := s.create()
		for range s.random.IntN(30) {
			s.deliver(box)
		}
	}
	return s
}

func (s *scene) create() *sceneBox {
	s.serial++
	box := &sceneBox{validity: uint32(s.serial), next: 1}
	if s.ids {
		box.id = fmt.Sprint("id", s.serial)
	}
	s.boxes[fmt.Sprintf("box %d", s.serial)] = box
	return box
}

func (b *sceneBox) add(l letter) {
	l.uid = mail.UID(b.next)
	b.next++
	b.letters = append(b.letters, l)
}

func (s *scene) deliver(b *sceneBox) {
	s.serial++
	n := s.serial
	if s.random.IntN(4) == 0 {
		n = s.random.IntN(n) // a copy, perhaps
	}
	b.add(letter{body: fmt.Appendf(nil, "Subject: message %d\r\n\r\n", n), flags: mail.Flags{}, date: someday})
}

func (s *scene) pick() (string, *sceneBox) {
	names := slices.Sorted(maps.Keys(s.boxes))
	name := names[s.random.IntN(len(names))]
	return name, s.boxes[name]
}

// change does one thing that clients and servers do.
func (s *scene) change() {
	name, box := s.pick()
	n := len(box.letters)
	switch action := s.random.IntN(12); {
	case action == 0:
		s.create()
	case action == 1 && len(s.boxes) > 2:
		delete(s.boxes, name)
	case action == 2:
		delete(s.boxes, name)
		s.serial++
		s.boxes[fmt.Sprintf("renamed %d", s.serial)] = box
	case action == 3:
		s.serial++
		box.validity, box.next = uint32(s.serial), 1
		letters := box.letters
		box.letters = nil
		for _, i := range s.random.Perm(len(letters)) {
			box.add(letters[i])
		}
	case action < 6 || n == 0:
		s.deliver(box)
	case action < 8:
		i := s.random.IntN(n)
		box.letters = slices.Delete(slices.Clone(box.letters), i, i+1)
	case action < 10:
		i := s.random.IntN(n)
		_, to := s.pick()
		l := box.letters[i]
		box.letters = slices.Delete(slices.Clone(box.letters), i, i+1)
		to.add(l)
	default:
		box.letters = slices.Clone(box.letters)
		box.letters[s.random.IntN(n)].flags = mail.NewFlags([]string{`\Seen`, `\Flagged`, "work"}[s.random.IntN(3)])
	}
}

func (s *scene) lay(t *testing.T, shelf *shelf) *Contents {
	t.Helper()
	var mailboxes []manifest.Mailbox
	for _, name := range slices.Sorted(maps.Keys(s.boxes)) {
		box := s.boxes[name]
		m := shelf.mailbox(t, name, box.letters...)
		m.Status = &mail.Status{UIDValidity: box.validity, UIDNext: box.next, Messages: uint32(m.Messages), MailboxID: box.id}
		mailboxes = append(mailboxes, m)
	}
	return shelf.contents(t, mailboxes...)
}

// account is what a manifest holds, mailbox by mailbox, message by message.
type heldMessage struct {
	hash  chunk.ID
	flags string
}

func held(t *testing.T, c *Contents) map[string]map[mail.UID]heldMessage {
	t.Helper()
	account := map[string]map[mail.UID]heldMessage{}
	for m, err := range c.Mailboxes(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		account[m.Raw] = map[mail.UID]heldMessage{}
		for e, err := range c.Entries(t.Context(), m) {
			if err != nil {
				t.Fatal(err)
			}
			account[m.Raw][e.UID] = heldMessage{e.Hash, strings.Join(e.Flags, " ")}
		}
	}
	return account
}

// multiset forgets the UIDs.
func multiset(messages map[mail.UID]heldMessage) map[heldMessage]int {
	set := map[heldMessage]int{}
	for _, m := range messages {
		set[m]++
	}
	return set
}

// apply makes of the account before what the difference says.
func apply(t *testing.T, d *Difference) (now map[string]map[mail.UID]heldMessage, renumbered map[string]bool) {
	t.Helper()
	was := held(t, d.Before)
	now, renumbered = maps.Clone(was), map[string]bool{}
	for _, m := range d.Mailboxes {
		if m.Before != nil {
			delete(now, m.Before.Raw)
		}
	}
	for _, m := range d.Mailboxes {
		messages := map[mail.UID]heldMessage{}
		if m.Before != nil {
			messages = maps.Clone(was[m.Before.Raw])
		}
		count := map[ChangeKind]int64{}
		for change, err := range d.Changes(t.Context(), m) {
			if err != nil {
				t.Fatal(err)
			}
			count[change.Kind]++
			e := change.Entry
			switch change.Kind {
			case MessageRemoved, MessageMovedOut:
				if messages[e.UID].hash != e.Hash {
					t.Errorf("UID %d left mailbox %q without having been there", e.UID, m.Before.Raw)
				}
				delete(messages, e.UID)
			case MessageReflagged:
				if m.Renumbered { // the UID is a new one
					old := heldMessage{e.Hash, strings.Join(change.Was.Flags, " ")}
					for uid, have := range messages {
						if have == old {
							delete(messages, uid)
							break
						}
					}
					messages[e.UID+1<<20] = heldMessage{e.Hash, strings.Join(e.Flags, " ")}
					continue
				}
				if have := messages[e.UID]; have.hash != e.Hash || have.flags != strings.Join(change.Was.Flags, " ") {
					t.Errorf("UID %d had %q, the difference says %q", e.UID, have.flags, change.Was.Flags)
				}
				fallthrough
			default:
				uid := e.UID
				if m.Renumbered {
					uid += 1 << 21
				}
				messages[uid] = heldMessage{e.Hash, strings.Join(e.Flags, " ")}
			}
			if (change.Peer != nil) != (change.Kind == MessageMovedIn || change.Kind == MessageMovedOut) {
				t.Errorf("%s with mailbox %v", change.Kind, change.Peer)
			}
		}
		want := map[ChangeKind]int64{MessageRemoved: m.Removed, MessageMovedOut: m.MovedOut, MessageAdded: m.Added, MessageMovedIn: m.MovedIn, MessageReflagged: m.Reflagged}
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

// TestDiffApplied: what the difference says, done to the account before, gives the account after. And of each message,
// removed less added is what the account has less.
func TestDiffApplied(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			scene, shelf := newScene(seed, seed%2 == 0), newShelf(t)
			before := scene.lay(t, shelf)
			for range scene.random.IntN(40) {
				scene.change()
			}
			after := scene.lay(t, shelf)
			d, err := Diff(t.Context(), before, after)
			if err != nil || d.Whole() != nil {
				t.Fatal(err, d.Whole())
			}
			got, renumbered := apply(t, d)
			want := held(t, after)
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

// balance checks the rows against the copies that each side has.
func balance(t *testing.T, d *Difference) {
	t.Helper()
	copies := map[chunk.ID]int{}
	for c, sign := range map[*Contents]int{d.Before: 1, d.After: -1} {
		for _, messages := range held(t, c) {
			for _, m := range messages {
				copies[m.hash] += sign
			}
		}
	}
	for _, row := range d.gone {
		if row.peer == 0 {
			copies[row.hash]--
		}
	}
	for _, row := range d.come {
		if row.peer == 0 {
			copies[row.hash]++
		}
	}
	for hash, n := range copies {
		if n != 0 {
			t.Errorf("message %s: %d copies are not accounted for", hash, n)
		}
	}
}

// TestDiffCases: what one change is called.
func TestDiffCases(t *testing.T) {
	letters := plain(1, 10)
	other := plain(100, 10)
	status := func(m manifest.Mailbox, validity, next uint32, id string) manifest.Mailbox {
		m.Status = &mail.Status{UIDValidity: validity, UIDNext: next, Messages: uint32(m.Messages), MailboxID: id}
		return m
	}
	for _, test := range []struct {
		name          string
		before, after func(s *shelf) []manifest.Mailbox
		want          string
	}{
		{"nothing",
			func(s *shelf) []manifest.Mailbox { return []manifest.Mailbox{s.mailbox(t, "a", letters...)} },
			func(s *shelf) []manifest.Mailbox { return []manifest.Mailbox{s.mailbox(t, "a", letters...)} }, ""},
		{"renamed, known by its id, and grown",
			func(s *shelf) []manifest.Mailbox {
				return []manifest.Mailbox{status(s.mailbox(t, "a", letters[:9]...), 3, 10, "x")}
			},
			func(s *shelf) []manifest.Mailbox {
				return []manifest.Mailbox{status(s.mailbox(t, "b", letters...), 3, 11, "x")}
			},
			"b: renamed from a, 1 added"},
		{"renamed, known by its numbers",
			func(s *shelf) []manifest.Mailbox {
				return []manifest.Mailbox{status(s.mailbox(t, "a", letters...), 3, 11, "")}
			},
			func(s *shelf) []manifest.Mailbox {
				return []manifest.Mailbox{status(s.mailbox(t, "b", letters[1:]...), 3, 11, "")}
			},
			"b: renamed from a, 1 removed"},
		{"not renamed: the same numbers, other mail",
			func(s *shelf) []manifest.Mailbox {
				return []manifest.Mailbox{status(s.mailbox(t, "a", letters...), 3, 200, "")}
			},
			func(s *shelf) []manifest.Mailbox {
				return []manifest.Mailbox{status(s.mailbox(t, "b", other...), 3, 200, "")}
			},
			"a: removed, 10 removed; b: created, 10 added"},
		{"renamed, and a new one in its place",
			func(s *shelf) []manifest.Mailbox {
				return []manifest.Mailbox{status(s.mailbox(t, "a", letters...), 3, 11, "")}
			},
			func(s *shelf) []manifest.Mailbox {
				return []manifest.Mailbox{status(s.mailbox(t, "a", other...), 9, 110, ""), status(s.mailbox(t, "b", letters...), 3, 11, "")}
			},
			"a: created, 10 added; b: renamed from a"},
		{"numbered anew",
			func(s *shelf) []manifest.Mailbox {
				return []manifest.Mailbox{status(s.mailbox(t, "a", letters...), 3, 11, "")}
			},
			func(s *shelf) []manifest.Mailbox {
				moved := slices.Clone(letters[2:])
				for i := range moved {
					moved[i].uid += 5
				}
				return []manifest.Mailbox{status(s.mailbox(t, "a", moved...), 4, 30, "")}
			},
			"a: renumbered, 2 removed"},
		{"moved",
			func(s *shelf) []manifest.Mailbox {
				return []manifest.Mailbox{s.mailbox(t, "a", letters...), s.mailbox(t, "b")}
			},
			func(s *shelf) []manifest.Mailbox {
				return []manifest.Mailbox{s.mailbox(t, "a", letters[3:]...), s.mailbox(t, "b", letters[:3]...)}
			},
			"a: 3 moved out; b: 3 moved in"},
		{"a UID given again",
			func(s *shelf) []manifest.Mailbox { return []manifest.Mailbox{s.mailbox(t, "a", letters...)} },
			func(s *shelf) []manifest.Mailbox {
				changed := slices.Clone(letters)
				changed[4].body = []byte("another")
				return []manifest.Mailbox{s.mailbox(t, "a", changed...)}
			},
			"a: 1 added, 1 removed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newShelf(t)
			d, err := Diff(t.Context(), s.contents(t, test.before(s)...), s.contents(t, test.after(s)...))
			if err != nil {
				t.Fatal(err)
			}
			if got := d.words(); got != test.want {
				t.Errorf("%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// words are a difference in short.
func (d *Difference) words() string {
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

// pages makes a mailbox of entries.
func (s *shelf) pages(t *testing.T, name string, entries []manifest.Entry) manifest.Mailbox {
	t.Helper()
	m := manifest.Mailbox{Mailbox: mail.Mailbox{Raw: name, Name: name, Delimiter: "/"}}
	paginator := manifest.NewPaginator(s.put)
	for _, entry := range entries {
		m.Bytes += entry.Size
		if err := paginator.Add(entry); err != nil {
			t.Fatal(err)
		}
	}
	pages, err := paginator.Close()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.SetPages(pages, s.put); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestDiffCostsWhatChanged: what both manifests share is not read, however much it is.
func TestDiffCostsWhatChanged(t *testing.T) {
	s := newShelf(t)
	sample := s.record(t, plain(1, 1)[0])
	entries := make([]manifest.Entry, 80_000)
	for i := range entries {
		entries[i] = sample
		entries[i].UID = mail.UID(i + 1)
		entries[i].Hash = s.key.Sum(fmt.Append(nil, i))
	}
	many := s.pages(t, "many", entries)
	changed := slices.Clone(entries)
	changed[40_000].Flags = mail.NewFlags(`\Flagged`)
	changed = changed[:79_990]
	for i := range 5 {
		entry := sample
		entry.UID, entry.Hash = mail.UID(80_001+i), s.key.Sum(fmt.Append(nil, "new", i))
		changed = append(changed, entry)
	}
	before := s.contents(t, many, s.mailbox(t, "other", plain(1, 3000)...))
	after := s.contents(t, s.pages(t, "many", changed), s.mailbox(t, "other", plain(1, 3000)...))
	if len(many.Lists) == 0 {
		t.Fatal("the mailbox has no page lists")
	}
	s.reads = 0
	d, err := Diff(t.Context(), before, after)
	if err != nil {
		t.Fatal(err)
	}
	if got := d.words(); got != "many: 5 added, 10 removed, 1 reflagged" {
		t.Error(got)
	}
	if s.reads > 16 {
		t.Errorf("%d chunks read", s.reads)
	}
}

// TestDiffDamage: a mailbox that cannot be compared is told of, and is not taken for one that changed.
func TestDiffDamage(t *testing.T) {
	s := newShelf(t)
	a := s.mailbox(t, "a", plain(1, 5)...)
	before := s.contents(t, a, s.mailbox(t, "b", plain(50, 5)...))
	after := s.contents(t, s.mailbox(t, "a", plain(1, 6)...), s.mailbox(t, "b", plain(50, 7)...))
	s.lose(a.Pages[0].Records)
	d, err := Diff(t.Context(), before, after)
	if err != nil || d.Whole() == nil || !isDamage(d.Whole()) {
		t.Fatal(err, d.Whole())
	}
	if got := d.words(); got != "a: ; b: 2 added" {
		t.Error(got)
	}
	s.failing = s.reads + 1
	if _, err := Diff(t.Context(), before, after); err == nil {
		t.Error("a store that is gone is no damage of a mailbox")
	}
}
