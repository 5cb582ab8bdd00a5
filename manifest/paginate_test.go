package manifest

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"testing"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

// mailbox is the messages of a mailbox, ascending by UID.
type mailbox []Entry

// cut implements docs/format.md for any limit: "the largest such ranges, from the whole down, that
// hold at most limit records; ranges without records have no page".
func (mb mailbox) cut(limit int) []span {
	var descend func(span, mailbox) []span
	descend = func(s span, in mailbox) []span {
		switch {
		case len(in) == 0:
			return nil
		case len(in) <= limit:
			return []span{s}
		}
		half := s.first()
		n, _ := slices.BinarySearchFunc(in, half.end(), func(e Entry, end uint64) int { return int(int64(e.UID) - int64(end)) })
		return append(descend(half, in[:n]), descend(half.next(), in[n:])...)
	}
	return descend(allUIDs, mb)
}

// pages returns the pages of the mailbox by the reference.
func (mb mailbox) pages(t testing.TB, limit int, m *memory) []Page {
	var pages []Page
	rest := mb
	for _, s := range mb.cut(limit) {
		n := 0
		var records []Record
		var sets []FlagSet
		for n < len(rest) && uint64(rest[n].UID) < s.end() {
			records, sets = append(records, rest[n].Record), append(sets, rest[n].FlagSet)
			n++
		}
		rest = rest[n:]
		page := Page{Start: s.start, Bits: s.bits, Messages: uint32(n)}
		page.Records = keep(t, m, records, EncodeRecords)
		page.Flags = keep(t, m, sets, EncodeFlags)
		pages = append(pages, page)
	}
	return pages
}

func keep[T any](t testing.TB, m *memory, v T, encode func(T) ([]byte, error)) chunk.ID {
	t.Helper()
	b, err := encode(v)
	if err != nil {
		t.Fatal(err)
	}
	id, err := m.put(b)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (mb mailbox) seq() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for _, e := range mb {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// after returns the mailbox after changes, in a simple way.
func (mb mailbox) after(c Changes) mailbox {
	all := make(map[mail.UID]Entry)
	for _, e := range mb {
		if set := c.Flags[e.UID]; set != nil {
			e.FlagSet = *set
		}
		if !c.Removed.Contains(e.UID) {
			all[e.UID] = e
		}
	}
	if c.Added != nil {
		for e := range c.Added {
			all[e.UID] = e
		}
	}
	var after mailbox
	for _, e := range all {
		after = append(after, e)
	}
	slices.SortFunc(after, func(a, b Entry) int { return int(int64(a.UID) - int64(b.UID)) })
	return after
}

func (mb mailbox) size() (size int64) {
	for _, e := range mb {
		size += e.Size
	}
	return size
}

func paginate(t testing.TB, limit int, mb mailbox) []Page {
	t.Helper()
	w := newPageWriter(limit, nil, newMemory().put)
	for _, e := range mb {
		if err := w.addEntry(e, nil); err != nil {
			t.Fatal(err)
		}
		if w.tree.count > limit || len(w.tree.elements) > limit {
			t.Fatalf("holds %d records, more than a page", w.tree.count)
		}
	}
	pages, err := w.finish()
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

// ofBits returns a mailbox with the UIDs whose bits are set. UID 1 is bit 0.
func ofBits(bits, version int) mailbox {
	var mb mailbox
	for uid := range 32 {
		if bits&(1<<uid) != 0 {
			mb = append(mb, message(mail.UID(uid+1), version))
		}
	}
	return mb
}

func TestPaginateExhaustively(t *testing.T) {
	for limit := 1; limit <= 4; limit++ {
		for bits := range 1 << 11 {
			mb := ofBits(bits, 0)
			if got, want := paginate(t, limit, mb), mb.pages(t, limit, newMemory()); !reflect.DeepEqual(got, want) {
				t.Fatalf("limit %d, UIDs %011b: got %v, want %v", limit, bits, got, want)
			}
		}
	}
}

// TestUpdateExhaustively changes every small mailbox into every other one: it removes and adds
// messages and changes flags of those that stay.
func TestUpdateExhaustively(t *testing.T) {
	const uids = 6
	flagged := &FlagSet{Flags: mail.NewFlags(`\Flagged`)}
	for limit := 1; limit <= 3; limit++ {
		for before := range 1 << uids {
			m := newMemory()
			old := ofBits(before, 0)
			pages := old.pages(t, limit, m)
			for after := range 1 << uids {
				c := Changes{Flags: make(map[mail.UID]*FlagSet), Added: ofBits(after&^before, 1).seq()}
				for _, e := range ofBits(before&^after, 0) {
					c.Removed.Add(e.UID)
				}
				for _, e := range ofBits(after&(before>>1|after<<2), 0) {
					c.Flags[e.UID] = flagged
				}
				mustUpdate(t, limit, m, old, pages, c)
			}
		}
	}
}

// mustUpdate updates and compares the result with the pages by the reference.
func mustUpdate(t testing.TB, limit int, m *memory, old mailbox, pages []Page, c Changes) (mailbox, []Page) {
	t.Helper()
	want := old.after(c)
	got, grown, err := updateAt(limit, pages, c, m.load, m.put)
	if err != nil {
		t.Fatalf("%v: %v", pages, err)
	}
	if wantPages := want.pages(t, limit, m); !reflect.DeepEqual(got, wantPages) {
		t.Fatalf("got %v, want %v", got, wantPages)
	}
	if grown != want.size()-old.size() {
		t.Fatalf("grown by %d, should be %d", grown, want.size()-old.size())
	}
	return want, got
}

// randomUIDs returns about n UIDs as mailboxes have them: in dense and sparse ranges, far apart, at
// both ends. A range fills up to three pages.
func randomUIDs(r *rand.Rand, limit, n int) []mail.UID {
	uids := make(map[mail.UID]bool)
	for len(uids) < n {
		start := mail.UID(r.Uint32() >> r.IntN(33))
		step := mail.UID(1 + r.IntN(3)*r.IntN(limit))
		for i := range mail.UID(r.IntN(3 * limit)) {
			uids[max(1, start+i*step)] = true
		}
		uids[1<<32-1] = true
	}
	var sorted []mail.UID
	for uid := range uids {
		sorted = append(sorted, uid)
	}
	slices.Sort(sorted)
	return sorted
}

func randomMailbox(r *rand.Rand, limit, n, version int) mailbox {
	var mb mailbox
	for _, uid := range randomUIDs(r, limit, n) {
		mb = append(mb, message(uid, version))
	}
	return mb
}

// atRandom calls f for many mailboxes with small pages and for a few with pages of the real size.
var atRandom = []struct{ limit, rounds int }{{16, 40}, {PageRecords, 4}, {MaxPageRecords, 1}}

func TestPaginateAtRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, of := range atRandom {
		for range of.rounds {
			mb := randomMailbox(r, of.limit, r.IntN(20*of.limit), 0)
			if got, want := paginate(t, of.limit, mb), mb.pages(t, of.limit, newMemory()); !reflect.DeepEqual(got, want) {
				t.Fatalf("%d messages: got %v, want %v", len(mb), got, want)
			} else if err := checkPartition(got); of.limit >= PageRecords && err != nil {
				t.Fatal(err)
			} else if of.limit >= PageRecords && len(got) > 1 && pageLimit(got) != of.limit {
				t.Fatalf("%d pages were cut at %d, and seem cut at %d", len(got), of.limit, pageLimit(got))
			}
		}
	}
}

func TestUpdateAtRandom(t *testing.T) {
	for i, of := range atRandom {
		for round := range of.rounds {
			updateAtRandom(t, rand.New(rand.NewPCG(3+uint64(i), uint64(round))), of.limit, 3*of.limit, 6)
		}
	}
}

// updateAtRandom changes a mailbox of about n messages several times.
func updateAtRandom(t testing.TB, r *rand.Rand, limit, n, times int) {
	t.Helper()
	m := newMemory()
	mb := randomMailbox(r, limit, n, 0)
	pages := mb.pages(t, limit, m)
	for version := range times {
		mb, pages = mustUpdate(t, limit, m, mb, pages, randomChanges(r, limit, mb, version+1))
	}
}

// randomChanges returns few or many changes, for UIDs with and without records.
func randomChanges(r *rand.Rand, limit int, mb mailbox, version int) Changes {
	c := Changes{Flags: make(map[mail.UID]*FlagSet)}
	one := func() mail.UID {
		if len(mb) == 0 || r.IntN(8) == 0 {
			return max(1, mail.UID(r.Uint32()>>r.IntN(33)))
		}
		return mb[r.IntN(len(mb))].UID
	}
	for range r.IntN(4) {
		first := one()
		c.Removed.AddRange(mail.UIDRange{First: first, Last: max(first, first+mail.UID(r.IntN(5*limit)))})
	}
	for range r.IntN(1 + r.IntN(limit)) {
		c.Flags[one()] = &FlagSet{Flags: mail.NewFlags(fmt.Sprint("k", r.IntN(5)), `\Seen`)[r.IntN(2):]}
	}
	var added mailbox
	if r.IntN(3) > 0 {
		added = randomMailbox(r, limit, r.IntN(4*limit), version)
		for range r.IntN(3) {
			added = append(added, message(one(), version))
		}
		slices.SortFunc(added, func(a, b Entry) int { return int(int64(a.UID) - int64(b.UID)) })
		added = slices.CompactFunc(added, func(a, b Entry) bool { return a.UID == b.UID })
	}
	c.Added = added.seq()
	return c
}

// After random changes, the pages are those of a mailbox that was written at once.
func FuzzUpdate(f *testing.F) {
	f.Add(uint64(1), uint8(100), uint8(4))
	f.Add(uint64(7), uint8(0), uint8(1))
	f.Fuzz(func(t *testing.T, seed uint64, n, times uint8) {
		updateAtRandom(t, rand.New(rand.NewPCG(seed, uint64(n))), 16, int(n), int(times)%8)
	})
}

// dense returns a mailbox with the UIDs from 1 to n.
func dense(n int) mailbox {
	var mb mailbox
	for i := range n {
		mb = append(mb, message(mail.UID(i+1), 0))
	}
	return mb
}

// TestUpdateTouchesLittle counts what an update loads and puts.
func TestUpdateTouchesLittle(t *testing.T) {
	m := newMemory()
	mb := dense(1250) // pages of UIDs 0 to 255, 256 to 511, …, 1024 to 2047, which has 227 records
	pages := mb.pages(t, MaxPageRecords, m)
	from := func(first, last mail.UID) (set mail.UIDSet) {
		set.AddRange(mail.UIDRange{First: first, Last: last})
		return set
	}
	flagged := &FlagSet{Flags: mail.NewFlags(`\Flagged`)}
	seen := &FlagSet{Flags: mail.NewFlags(`\SEEN`)}
	for _, test := range []struct {
		what        string
		c           Changes
		loads, puts int
	}{
		{"nothing", Changes{}, 0, 0},
		{"what is not there", Changes{Removed: from(10_000, 20_000), Flags: map[mail.UID]*FlagSet{9000: flagged}}, 0, 0},
		{"a flag", Changes{Flags: map[mail.UID]*FlagSet{375: flagged}}, 2, 1},
		{"flags that are so already", Changes{Flags: map[mail.UID]*FlagSet{375: seen, 625: seen}}, 4, 0},
		{"a new message", Changes{Added: mailbox{message(1251, 1)}.seq()}, 2, 2},
		{"a new message far away", Changes{Added: mailbox{message(1<<31, 1)}.seq()}, 0, 2},
		{"a message removed", Changes{Removed: from(375, 375)}, 2, 2},
		{"a page removed", Changes{Removed: from(256, 511)}, 2, 0},
		{"two pages that become one", Changes{Removed: from(256, 510)}, 4, 2},
		{"adjacent pages that merge", Changes{Removed: from(512+1, 1000)}, 4, 2},
		{"all", Changes{Removed: from(1, 1250)}, 10, 0},
	} {
		m.loads, m.puts = 0, 0
		got, _, err := update(pages, test.c, m.load, m.put)
		if err != nil {
			t.Fatal(err)
		}
		if m.loads != test.loads || m.puts != test.puts {
			t.Errorf("%s: %d loads and %d puts, want %d and %d", test.what, m.loads, m.puts, test.loads, test.puts)
		}
		if want := mb.after(test.c).pages(t, MaxPageRecords, m); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want %v", test.what, got, want)
		}
	}
}

// TestUpdateStops checks that update returns the errors of load and put, at every call.
func TestUpdateStops(t *testing.T) {
	m := newMemory()
	mb := dense(3000)
	pages := mb.pages(t, MaxPageRecords, m)
	broken := errors.New("broken")
	var removed mail.UIDSet
	removed.AddRange(mail.UIDRange{First: 2, Last: 2900})
	for n := 0; ; n++ {
		m.refuse, m.afterRefusal = broken, n
		_, _, err := update(pages, Changes{Removed: removed, Added: mailbox{message(4000, 1)}.seq()}, m.load, m.put)
		if err == nil {
			if n < 6 {
				t.Errorf("no more than %d calls", n)
			}
			break
		}
		if !errors.Is(err, broken) {
			t.Errorf("call %d: %v", n, err)
		}
	}
	m.refuse = nil
	added := func(yield func(Entry, error) bool) { _ = yield(message(4000, 1), nil) && yield(Entry{}, broken) }
	if _, _, err := update(pages, Changes{Added: added}, m.load, m.put); !errors.Is(err, broken) {
		t.Errorf("an error among the added: %v", err)
	}
	if _, _, err := update(pages, Changes{Added: mailbox{message(4000, 1), message(4000, 1)}.seq()}, m.load, m.put); !errors.Is(err, ErrLimit) {
		t.Errorf("a UID twice: %v", err)
	}
	if _, _, err := update([]Page{pages[0], pages[0]}, Changes{}, m.load, m.put); !errors.Is(err, ErrMalformed) {
		t.Errorf("a page twice: %v", err)
	}
}

func TestCheckPartition(t *testing.T) {
	m := newMemory()
	good := dense(1250).pages(t, MaxPageRecords, m)
	change := func(do func([]Page) []Page) []Page { return do(slices.Clone(good)) }
	for what, pages := range map[string][]Page{
		"cut too small":   {{Start: 0, Bits: 31, Messages: 5, Records: id(1), Flags: id(1)}},
		"not aligned":     {{Start: 1024, Bits: 32, Messages: 5, Records: id(1), Flags: id(1)}},
		"a bit too many":  {{Start: 0, Bits: 33, Messages: 5, Records: id(1), Flags: id(1)}},
		"too few bits":    change(func(p []Page) []Page { p[0].Bits = 7; return p }),
		"empty":           change(func(p []Page) []Page { p[0].Messages = 0; return p }),
		"too many":        change(func(p []Page) []Page { p[0].Messages = 257; return p }),
		"fewer, not less": change(func(p []Page) []Page { p[0].Messages, p[1].Messages = 1, 1; return p }),
		"missing":         change(func(p []Page) []Page { return slices.Delete(p, 0, 1) }),
		"unsorted":        change(func(p []Page) []Page { p[0], p[1] = p[1], p[0]; return p }),
		"overlapping":     change(func(p []Page) []Page { return slices.Insert(p, 1, p[0]) }),
		"no records":      change(func(p []Page) []Page { p[0].Records = chunk.ID{}; return p }),
		"no flags":        change(func(p []Page) []Page { p[0].Flags = chunk.ID{}; return p }),
	} {
		if err := checkPartition(pages); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
	if err := checkPartition(good); err != nil {
		t.Error(err)
	}
}

// BenchmarkPaginate paginates a mailbox of a million messages and reports the memory in use.
func BenchmarkPaginate(b *testing.B) {
	const messages = 1_000_000
	var highest uint64
	for b.Loop() {
		n := 0
		put := func(page []byte) (id chunk.ID, err error) {
			n++
			if n%256 == 0 {
				var stats runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&stats)
				highest = max(highest, stats.HeapAlloc)
			}
			id[0] = 1
			return id, nil
		}
		added := func(yield func(Entry, error) bool) {
			for i := range messages {
				if !yield(message(mail.UID(i+1), 0), nil) {
					return
				}
			}
		}
		if err := new(Mailbox).Fill(nil, Changes{Added: added}, nil, put); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(highest), "heap-B")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/messages, "ns/message")
}

// BenchmarkEntries reads a mailbox of 100,000 messages, page after page.
func BenchmarkEntries(b *testing.B) {
	const messages = 100_000
	m := newMemory()
	var mb Mailbox
	if err := mb.Fill(nil, Changes{Added: dense(messages).seq()}, m.load, m.put); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		n := 0
		for _, err := range mb.Entries(m.load) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != messages {
			b.Fatal(n)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/messages, "ns/message")
}
