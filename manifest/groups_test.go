package manifest

import (
	"errors"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

func sampleGroupedMailboxes() []Mailbox {
	status := &mail.Status{UIDValidity: 1, UIDNext: 1 << 20, Messages: 1 << 16}
	return []Mailbox{
		{Mailbox: mail.Mailbox{Raw: "Archive", Name: "Archive", Status: status}, Messages: 1 << 16, Bytes: 1 << 30, Groups: ids(1, 2, 3), Complete: true},
		{Mailbox: mail.Mailbox{Raw: "INBOX", Name: "INBOX", Status: &mail.Status{UIDNext: 1}}, Messages: 500, Bytes: 50, Lists: ids(4, 5), Inherited: true},
	}
}

func FuzzParseListGroup(f *testing.F)        { fuzz(f, "list group") }
func FuzzParseGroupedMailboxes(f *testing.F) { fuzz(f, "mailboxes with groups") }

// The fast parser takes what EncodeListGroup writes, and ParseListGroup accepts and returns exactly
// what the general decoder does, for intact groups and for damaged ones.
func TestScanListGroup(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 23, 24, maxGroupLists} {
		var lists []chunk.ID
		for i := range n {
			lists = append(lists, id(i))
		}
		b, err := EncodeListGroup(lists)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := scanListGroup(b); !ok || !slices.Equal(got, lists) {
			t.Fatalf("a group of %d lists is read as %d, %v", n, len(got), ok)
		}
		for range 2000 {
			b := damaged(random, b)
			got, err := ParseListGroup(b)
			want, refused := decodeListGroup(b)
			if (err == nil) != (refused == nil) || !slices.Equal(got, want) {
				t.Fatalf("%x: %d lists and %v; the general decoder returns %d and %v", b, len(got), err, len(want), refused)
			}
		}
	}
	for what, lists := range map[string][]chunk.ID{"none": nil, "zeros": {{}}, "too many": make([]chunk.ID, maxGroupLists+1)} {
		if _, err := EncodeListGroup(lists); !errors.Is(err, ErrLimit) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// cutPlainly returns the largest aligned ranges in s that hold at most limit of the spans, and how
// many each holds. It says so in the words of docs/format.md.
func cutPlainly(s span, spans []span, limit int) (d division) {
	in := slices.DeleteFunc(slices.Clone(spans), func(one span) bool { return !s.contains(one) })
	switch {
	case len(in) == 0:
		return d
	case len(in) <= limit:
		return division{[]span{s}, []int{len(in)}}
	}
	a, b := cutPlainly(s.first(), in, limit), cutPlainly(s.first().next(), in, limit)
	return division{append(a.spans, b.spans...), append(a.sizes, b.sizes...)}
}

// After random changes, lists and groups are those of a mailbox that was written at once, and
// docs/format.md says which.
func TestGroupsAtRandom(t *testing.T) {
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 1))
		mb := randomMailbox(r, PageRecords, 9000, 0)
		store := newMemory()
		var now Mailbox
		for version := range 5 {
			c := randomChanges(r, PageRecords, mb, version+1)
			if version == 0 {
				c = Changes{Added: mb.seq()}
			}
			mb = mb.after(c)
			before := now
			if err := now.Fill(&before, c, store.load, store.put); err != nil {
				t.Fatal(err)
			}
			var once Mailbox
			if err := once.Fill(nil, Changes{Added: mb.seq()}, store.load, store.put); err != nil || !now.HasSamePages(&once) {
				t.Fatalf("seed %d, version %d: %v, lists and groups differ from those written at once", seed, version, err)
			}
			mustBeCutPlainly(t, &now, store)
		}
	}
}

func mustBeCutPlainly(t *testing.T, mb *Mailbox, store *memory) {
	t.Helper()
	groups, err := mb.loadGroups(store.load)
	if err != nil || len(groups) < 2 {
		t.Fatalf("%d groups, %v", len(groups), err)
	}
	var pages []span
	var lists, sizes []int
	for _, g := range groups {
		sizes = append(sizes, len(g.lists))
		for _, id := range g.lists {
			list, err := ParsePageList(store.chunks[id])
			if err != nil {
				t.Fatal(err)
			}
			lists = append(lists, len(list))
			for _, p := range list {
				pages = append(pages, p.span())
			}
		}
	}
	want := cutPlainly(allUIDs, pages, 16)
	if !slices.Equal(lists, want.sizes) {
		t.Errorf("lists of %d pages, want %d", lists, want.sizes)
	}
	limit := 16
	if len(lists) > 256 {
		limit = 32
	}
	if want := cutPlainly(allUIDs, want.spans, limit); !slices.Equal(sizes, want.sizes) {
		t.Errorf("groups of %d lists, want %d", sizes, want.sizes)
	}
}

// Groups are as many as each has lists, about.
func TestListsPerGroup(t *testing.T) {
	for n, want := range map[int]int{1: 16, 256: 16, 257: 32, 1024: 32, 1025: 64, 4097: 128, 16_385: 256, 1 << 20: 256} {
		if got := listsPerGroup(n); got != want {
			t.Errorf("%d lists: %d in a group, want %d", n, got, want)
		}
	}
}

// A large mailbox is in larger lists, so that it has no more groups than a mailbox may have.
func TestManyPages(t *testing.T) {
	pages := make([]Page, 1<<20+16)
	for i := range pages {
		pages[i] = Page{Start: uint32(i) << 4, Bits: 4, Messages: 16, Records: id(1), Flags: id(2)}
	}
	var mb Mailbox
	store := newMemory()
	if err := mb.SetPages(pages, store.put); err != nil {
		t.Fatal(err)
	}
	lists, err := mb.AllLists(store.load)
	if err != nil || len(lists) != 1<<12+1 || len(mb.Groups) != 33 {
		t.Errorf("%d lists in %d groups, %v", len(lists), len(mb.Groups), err)
	}
	if got, err := mb.AllPages(store.load); err != nil || !slices.Equal(got, pages) {
		t.Errorf("%d pages, %v", len(got), err)
	}
}

// A change of a page writes its list and its group, and not those after it, even if the page
// disappears.
func TestAChangeWritesOneListAndOneGroup(t *testing.T) {
	mb := dense(8000) // 32 lists of 16 pages in 2 groups
	store := newMemory()
	var old Mailbox
	if err := old.Fill(nil, Changes{Added: mb.seq()}, store.load, store.put); err != nil || len(old.Groups) != 2 {
		t.Fatalf("%d groups, %v", len(old.Groups), err)
	}
	removed := func(first, last mail.UID) (set mail.UIDSet) {
		set.AddRange(mail.UIDRange{First: first, Last: last})
		return set
	}
	for _, test := range []struct {
		what string
		c    Changes
		puts int // pages, lists and groups
	}{
		{"nothing", Changes{}, 0},
		{"a new message", Changes{Added: mailbox{message(8001, 0)}.seq()}, 2 + 1 + 1},
		{"an old flag", Changes{Flags: map[mail.UID]*FlagSet{500: {}}}, 1 + 1 + 1},
		{"a page that disappears", Changes{Removed: removed(512, 527)}, 0 + 1 + 1},
		{"two pages that become one", Changes{Removed: removed(512, 530)}, 2 + 1 + 1},
		{"all pages of a list", Changes{Removed: removed(512, 767)}, 0 + 0 + 1},
	} {
		store.puts = 0
		var now Mailbox
		if err := now.Fill(&old, test.c, store.load, store.put); err != nil || store.puts != test.puts {
			t.Errorf("%s: %v, %d puts, want %d", test.what, err, store.puts, test.puts)
		}
		if got := entries(t, &now, store); !reflect.DeepEqual(got, mb.after(test.c)) {
			t.Errorf("%s: not what it should be", test.what)
		}
	}
}

// A mailbox with lists of any size, as other programs wrote them, gets groups when it grows, and
// loses them when it shrinks, and no record is read for that but those of the page that changes.
func TestMailboxesGetGroups(t *testing.T) {
	for _, before := range []struct{ messages, rows int }{{2047, 16}, {4000, 16}, {20_000, 32}, {20_000, 256}} {
		store := newMemory()
		var filled Mailbox
		want := dense(before.messages)
		if err := filled.Fill(nil, Changes{Added: want.seq()}, store.load, store.put); err != nil {
			t.Fatal(err)
		}
		old := filled
		pages, err := old.AllPages(store.load)
		if err != nil {
			t.Fatal(err)
		}
		old.Lists, old.Groups = nil, nil
		for rows := range slices.Chunk(pages, before.rows) {
			old.Lists = append(old.Lists, keep(t, store, rows, EncodePageList))
		}
		next := message(mail.UID(before.messages+1), 0)
		store.loads = 0
		var grown, back Mailbox
		if err := grown.Fill(&old, Changes{Added: mailbox{next}.seq()}, store.load, store.put); err != nil {
			t.Fatal(err)
		}
		if read := store.loads - len(old.Lists); len(grown.Groups) == 0 || len(grown.Lists) > 0 || read > 2 {
			t.Errorf("%d messages: %d groups, %d lists, %d chunks of pages were read", before.messages, len(grown.Groups), len(grown.Lists), read)
		}
		if got := entries(t, &grown, store); !reflect.DeepEqual(got, append(want, next)) {
			t.Errorf("%d messages: not what it should be", before.messages)
		}
		var gone mail.UIDSet
		gone.Add(next.UID)
		if err := back.Fill(&grown, Changes{Removed: gone}, store.load, store.put); err != nil || !back.HasSamePages(&filled) {
			t.Errorf("%d messages: after the message is gone: %v, %d lists, %d groups", before.messages, err, len(back.Lists), len(back.Groups))
		}
	}
}

// Entries refuses groups that cannot be those of the mailbox, and says which is missing.
func TestGroupsThatDoNotAddUp(t *testing.T) {
	var good Mailbox
	full := newMemory()
	if err := good.Fill(nil, Changes{Added: dense(8000).seq()}, full.load, full.put); err != nil {
		t.Fatal(err)
	}
	lists, err := good.AllLists(full.load)
	if err != nil {
		t.Fatal(err)
	}
	for what, spoil := range map[string]func(*Mailbox, *memory){
		"messages that do not add": func(mb *Mailbox, _ *memory) { mb.Messages++ },
		"a group missing":          func(mb *Mailbox, _ *memory) { mb.Groups = mb.Groups[1:] },
		"groups swapped":           func(mb *Mailbox, _ *memory) { slices.Reverse(mb.Groups) },
		"a group twice":            func(mb *Mailbox, _ *memory) { mb.Groups[1] = mb.Groups[0] },
		"a group lost":             func(mb *Mailbox, s *memory) { delete(s.chunks, mb.Groups[1]) },
		"a group of no lists":      func(mb *Mailbox, s *memory) { s.chunks[mb.Groups[1]] = []byte{0x80} },
		"a list lost":              func(_ *Mailbox, s *memory) { delete(s.chunks, lists[20]) },
		"a list of no pages":       func(_ *Mailbox, s *memory) { s.chunks[lists[20]] = []byte{0x80} },
		"lists swapped": func(mb *Mailbox, s *memory) {
			mb.Groups = []chunk.ID{keep(t, s, lists[16:], EncodeListGroup), keep(t, s, lists[:16], EncodeListGroup)}
		},
		"a group as a list": func(mb *Mailbox, _ *memory) { mb.Lists, mb.Groups = mb.Groups, nil },
		"a list as a group": func(mb *Mailbox, _ *memory) { mb.Groups = lists },
	} {
		mb, store := good, newMemory()
		mb.Groups, store.chunks = slices.Clone(good.Groups), maps.Clone(full.chunks)
		spoil(&mb, store)
		if _, err := mb.AllPages(store.load); !errors.Is(err, ErrMalformed) && !errors.Is(err, errNoChunk) {
			t.Errorf("%s: %v", what, err)
		}
	}
	// Lists in groups may have any number of rows: which is the writer's choice.
	pages, err := good.AllPages(full.load)
	if err != nil {
		t.Fatal(err)
	}
	other := good
	other.Groups = nil
	for rows := range slices.Chunk(pages, 7) {
		list := keep(t, full, rows, EncodePageList)
		other.Groups = append(other.Groups, keep(t, full, []chunk.ID{list}, EncodeListGroup))
	}
	if got, err := other.AllPages(full.load); err != nil || !slices.Equal(got, pages) {
		t.Errorf("lists of 7 pages: %v", err)
	}
}
