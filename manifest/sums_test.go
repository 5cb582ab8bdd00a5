package manifest

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

// TestManifestsThatMustNotBeWritten changes one thing in a valid manifest.
func TestManifestsThatMustNotBeWritten(t *testing.T) {
	for what, spoil := range map[string]func(*Manifest){
		"no account":                 func(m *Manifest) { m.Account = "" },
		"an unknown state":           func(m *Manifest) { m.State = 2 },
		"a time before 1970":         func(m *Manifest) { m.Start = time.Unix(-1, 0) },
		"mailboxes that do not add":  func(m *Manifest) { m.Totals.Mailboxes++ },
		"messages that do not add":   func(m *Manifest) { m.Totals.Messages-- },
		"bytes that do not add":      func(m *Manifest) { m.Totals.Bytes++ },
		"failures untold":            func(m *Manifest) { m.Totals.Failures++ },
		"failures uncounted":         func(m *Manifest) { m.Totals.Failures-- },
		"a negative total":           func(m *Manifest) { m.Totals.NewBytes = -1 },
		"a negative total by id":     func(m *Manifest) { m.Totals.TakenMessages = -1 },
		"mailboxes unsorted":         func(m *Manifest) { m.Mailboxes[0], m.Mailboxes[1] = m.Mailboxes[1], m.Mailboxes[0] },
		"a mailbox twice":            func(m *Manifest) { m.Mailboxes[1].Raw = m.Mailboxes[0].Raw },
		"a mailbox without a name":   func(m *Manifest) { m.Mailboxes[0].Raw = "" },
		"a kind of another version":  func(m *Manifest) { m.Mailboxes[0].Kind = 1 },
		"complete with a failure":    func(m *Manifest) { m.Failures[0].Mailbox = m.Mailboxes[0].Raw },
		"complete with too few":      func(m *Manifest) { m.Mailboxes[0].Status.Messages++ },
		"complete without numbers":   func(m *Manifest) { m.Mailboxes[0].Status = nil },
		"pages of too few messages":  func(m *Manifest) { m.Mailboxes[0].Pages[0].Messages-- },
		"pages that are not largest": func(m *Manifest) { m.Mailboxes[0].Pages = m.Mailboxes[0].Pages[:2] },
		"pages inline and in lists":  func(m *Manifest) { m.Mailboxes[0].Lists = ids(1) },
		"a list of zeros":            func(m *Manifest) { m.Mailboxes[1].Lists[0] = chunk.ID{} },
		"pages inline and in groups": func(m *Manifest) { m.Mailboxes[0].Groups = ids(1) },
		"lists in groups and not":    func(m *Manifest) { m.Mailboxes[1].Groups = ids(1) },
		"a group of zeros":           func(m *Manifest) { m.Mailboxes[1].Lists, m.Mailboxes[1].Groups = nil, make([]chunk.ID, 1) },
		"too many groups": func(m *Manifest) {
			m.Mailboxes[1].Lists, m.Mailboxes[1].Groups = nil, slices.Repeat(ids(1), maxGroups+1)
		},
		"the server inline too":      func(m *Manifest) { m.ServerPart = id(1) },
		"mailboxes in tables too":    func(m *Manifest) { m.Tables = ids(1) },
		"a long name":                func(m *Manifest) { m.Mailboxes[2].Name = strings.Repeat("x", maxText+1) },
		"a long warning":             func(m *Manifest) { m.Warnings[0] = strings.Repeat("x", maxText+1) },
		"too many capabilities":      func(m *Manifest) { m.Server.Capabilities = make([]string, maxNames+1) },
		"too many warnings":          func(m *Manifest) { m.Warnings = make([]string, maxNotes+1) },
		"too much inline":            func(m *Manifest) { m.Mailboxes = manyMailboxes(1000); m.Totals = totals(m.Mailboxes, 2) },
		"extensions of 65 pairs":     func(m *Manifest) { m.Extensions = pairs(65) },
		"extensions that are text":   func(m *Manifest) { m.Extensions = Extensions("\x61x") },
		"empty extensions":           func(m *Manifest) { m.Extensions = Extensions("\xa0") },
		"no extensions at all":       func(m *Manifest) { m.Extensions = Extensions("") },
		"extensions with a float":    func(m *Manifest) { m.Extensions = Extensions("\xa1\x00\x81\xf9\x3c\x00") },
		"extensions with a text key": func(m *Manifest) { m.Extensions = Extensions("\xa1\x61x\x00") },
	} {
		m := sampleManifest()
		spoil(m)
		if b, err := m.Encode(); !errors.Is(err, ErrLimit) {
			t.Errorf("%s: %x, %v", what, b, err)
		}
	}
}

func TestRecordsThatMustNotBeWritten(t *testing.T) {
	for what, spoil := range map[string]func(*Record){
		"UID 0":                   func(r *Record) { r.UID = 0 },
		"a negative size":         func(r *Record) { r.Size = -1 },
		"no hash":                 func(r *Record) { r.Hash = chunk.ID{} },
		"bytes without parts":     func(r *Record) { r.Parts = nil },
		"parts without bytes":     func(r *Record) { r.Size = 0 },
		"parts and a list":        func(r *Record) { r.List = id(1) },
		"too many chunks":         func(r *Record) { r.Parts[1].Chunks = ids(1, 2, 3, 4, 5, 6, 7, 8) },
		"an empty part":           func(r *Record) { r.Parts[1].Chunks = nil },
		"a part of zeros":         func(r *Record) { r.Parts[1].Chunks[0] = chunk.ID{} },
		"an unknown kind of part": func(r *Record) { r.Parts[1].Kind = 4 },
		"a header later on":       func(r *Record) { r.Parts[1].Kind = mail.HeaderPart },
		"text beside text":        func(r *Record) { r.Parts[2] = r.Parts[1] },
		"text with a recipe":      func(r *Record) { r.Parts[1].Recipe.CRLF = true },
		"base64 without one":      func(r *Record) { r.Parts[2].Recipe = mail.Recipe{} },
		"an end in the middle":    func(r *Record) { r.Parts[2].Recipe.Unterminated = true },
		"a long id":               func(r *Record) { r.IDs.XGUID = strings.Repeat("x", MaxServerID+1) },
		"a long date":             func(r *Record) { r.Internal.Raw = strings.Repeat("x", MaxServerID+1) },
		"long extensions":         func(r *Record) { r.Extensions = Extensions("\xa1\x00\x59\x01\x00" + strings.Repeat("x", 256)) },
	} {
		records := sampleRecords()
		spoil(&records[0])
		if b, err := EncodeRecords(records); !errors.Is(err, ErrLimit) {
			t.Errorf("%s: %x, %v", what, b, err)
		}
	}
	if _, err := EncodeRecords(nil); !errors.Is(err, ErrLimit) {
		t.Errorf("no records: %v", err)
	}
	records := make([]Record, MaxPageRecords+1)
	for i := range records {
		records[i] = message(mail.UID(i+1), 0).Record
	}
	if _, err := EncodeRecords(records); !errors.Is(err, ErrLimit) {
		t.Errorf("too many records: %v", err)
	}
}

// TestLargestPageFits checks that a page of the largest records fits into a chunk.
func TestLargestPageFits(t *testing.T) {
	long := strings.Repeat("x", MaxServerID)
	var records []Record
	for i := range MaxPageRecords {
		r := Record{
			UID: mail.UID(math.MaxUint32 - MaxPageRecords + i), Size: math.MaxInt64, Hash: id(1), Hint: math.MaxInt64 - 1, ByID: true, Probe: id(2).Prefix(),
			Internal:   mail.Date{Seconds: math.MinInt64, Zone: math.MinInt16, Raw: long},
			Saved:      mail.Date{Seconds: math.MinInt64, Zone: math.MinInt16, Raw: long},
			IDs:        mail.IDs{Email: long, Thread: long, XGUID: long, GMMsg: long, GMThread: long},
			Extensions: Extensions("\xa1\x00\x58\xfb" + long[:251]),
		}
		for n := range MaxInlineChunks {
			r.Parts = append(r.Parts, Part{Kind: mail.Base64Part, Recipe: mail.Recipe{LineLength: 996}, Chunks: ids(n + 1)})
		}
		records = append(records, r)
	}
	b, err := EncodeRecords(records)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := ParseRecords(b); err != nil || !reflect.DeepEqual(again, records) {
		t.Error(err)
	}
}

// TestWritersNeedNotSort checks that sets are sorted when they are encoded.
func TestWritersNeedNotSort(t *testing.T) {
	b, err := EncodeFlags([]FlagSet{
		{Flags: mail.Flags{"b", "a", "b"}, Labels: []string{"y", "x"}},
		{Flags: mail.Flags{"a", "b"}, Labels: []string{"x", "y", "y"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	sets, err := ParseFlags(b)
	if err != nil {
		t.Fatal(err)
	}
	want := FlagSet{Flags: mail.Flags{"a", "b"}, Labels: []string{"x", "y"}}
	if !reflect.DeepEqual(sets, []FlagSet{want, want}) || !sets[0].Equal(FlagSet{Flags: mail.Flags{"b", "a"}, Labels: []string{"y", "x"}}) {
		t.Errorf("got %v", sets)
	}
	if set := (FlagSet{Flags: mail.Flags{"ab"}}); set.Equal(FlagSet{Flags: mail.Flags{"a", "b"}}) {
		t.Error("different sets are equal")
	}
}

// TestHints checks that a record has the size and the raw date of the server only if they differ
// from the others.
func TestHints(t *testing.T) {
	plain := message(1, 0).Record
	same := plain
	same.Hint = same.Size
	same.Internal.Raw = same.Internal.String()
	untold := plain
	untold.Hint = -1
	for _, r := range []Record{same, untold} {
		b, err := EncodeRecords([]Record{r})
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseRecords(b); err != nil || !reflect.DeepEqual(again[0], plain) {
			t.Errorf("got %+v, %v, want %+v", again, err, plain)
		}
	}
}

func totals(mailboxes []Mailbox, failures int64) Totals {
	t := Totals{Failures: failures}
	for _, mb := range mailboxes {
		t.Mailboxes++
		t.Messages += mb.Messages
		t.Bytes += mb.Bytes
	}
	return t
}

func TestMailboxesInlineOrInTables(t *testing.T) {
	for _, test := range []struct{ mailboxes, tables int }{{0, 0}, {1, 0}, {30, 8}, {48, 12}, {49, 9}, {384, 12}, {385, 9}, {576, 12}, {577, 10}, {1000, 11}, {3072, 12}, {5000, 20}} {
		m, store := sampleManifest(), newMemory()
		mailboxes := manyMailboxes(test.mailboxes)
		if err := m.SetMailboxes(mailboxes, store.put); err != nil {
			t.Fatal(err)
		}
		if len(m.Tables) != test.tables || (test.tables > 0) != (m.Mailboxes == nil && test.mailboxes > 0) {
			t.Errorf("%d mailboxes: %d inline, %d tables", test.mailboxes, len(m.Mailboxes), len(m.Tables))
		}
		b, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		got, err := collect(again, store)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(mailboxes) || len(got) > 0 && !reflect.DeepEqual(got, mailboxes) {
			t.Errorf("%d mailboxes came back as %d others", len(mailboxes), len(got))
		}
	}
}

func collect(m *Manifest, store *memory) (all []Mailbox, err error) {
	for mb, err := range m.AllMailboxes(store.load) {
		if err != nil {
			return all, err
		}
		all = append(all, *mb)
	}
	return all, nil
}

// TestBigMailboxesFillTablesByBytes checks that a table has at most 1 MiB, so that it fits into a
// chunk.
func TestBigMailboxesFillTablesByBytes(t *testing.T) {
	mailboxes := manyMailboxes(100)
	for i := range mailboxes {
		mailboxes[i].Name = strings.Repeat("x", 60_000)
	}
	m, store := sampleManifest(), newMemory()
	if err := m.SetMailboxes(mailboxes, store.put); err != nil {
		t.Fatal(err)
	}
	if got, err := collect(m, store); err != nil || !reflect.DeepEqual(got, mailboxes) || len(m.Tables) != 9 {
		t.Errorf("%d mailboxes in %d tables, %v", len(got), len(m.Tables), err)
	}
	mailboxes[0].PermanentFlags = slicesOf(strings.Repeat("x", 60_000), 20)
	if err := m.SetMailboxes(mailboxes, store.put); !errors.Is(err, ErrLimit) {
		t.Errorf("a mailbox over the limit: %v", err)
	}
}

func slicesOf(s string, n int) (list []string) {
	for range n {
		list = append(list, s)
	}
	return list
}

// TestTablesThatDoNotAddUp checks that AllMailboxes refuses figures that Parse cannot check.
func TestTablesThatDoNotAddUp(t *testing.T) {
	mailboxes := manyMailboxes(600)
	for what, spoil := range map[string]func(*Manifest, *memory){
		"messages that do not add": func(m *Manifest, _ *memory) { m.Totals.Messages++ },
		"a table missing":          func(m *Manifest, _ *memory) { m.Tables = m.Tables[:2] },
		"tables swapped":           func(m *Manifest, _ *memory) { m.Tables[0], m.Tables[1] = m.Tables[1], m.Tables[0] },
		"a table lost":             func(m *Manifest, s *memory) { delete(s.chunks, m.Tables[1]) },
		"an invalid table":         func(m *Manifest, s *memory) { s.chunks[m.Tables[1]] = []byte{0x80} },
		"a failure of a complete one": func(m *Manifest, _ *memory) {
			m.Failures[0].Mailbox = mailboxes[599].Raw
		},
	} {
		m, store := sampleManifest(), newMemory()
		if err := m.SetMailboxes(mailboxes, store.put); err != nil {
			t.Fatal(err)
		}
		spoil(m, store)
		if _, err := collect(m, store); !errors.Is(err, ErrMalformed) && !errors.Is(err, errNoChunk) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Versions before 2026-12 had up to 64 KiB of mailboxes inline, and 256 mailboxes in a table.
// Writers may fill tables in any way.
func TestOtherFillings(t *testing.T) {
	mailboxes := manyMailboxes(300)
	for what, fill := range map[string]func(*Manifest, *memory){
		"inline": func(m *Manifest, _ *memory) { m.Mailboxes, m.Tables = mailboxes, nil },
		"tables of 256": func(m *Manifest, s *memory) {
			m.Tables = []chunk.ID{keep(t, s, mailboxes[:256], EncodeMailboxes), keep(t, s, mailboxes[256:], EncodeMailboxes)}
		},
		"tables of one": func(m *Manifest, s *memory) {
			m.Tables = nil
			for i := range mailboxes {
				m.Tables = append(m.Tables, keep(t, s, mailboxes[i:i+1], EncodeMailboxes))
			}
		},
	} {
		m, store := sampleManifest(), newMemory()
		if err := m.SetMailboxes(mailboxes, store.put); err != nil {
			t.Fatal(err)
		}
		fill(m, store)
		b, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := collect(again, store); err != nil || !reflect.DeepEqual(got, mailboxes) {
			t.Errorf("%s: %d mailboxes, %v", what, len(got), err)
		}
	}
}

// scattered returns a mailbox of 25 pages for each cluster: a full one, and increasingly large ones
// of one or two messages.
func scattered(clusters int) mailbox {
	var mb mailbox
	for c := range clusters {
		start := mail.UID(c << 20)
		for n := range mail.UID(255) {
			mb = append(mb, message(start+n+1, 0))
		}
		mb = append(mb, message(start+256, 0), message(start+257, 0))
		for k := 9; k < 18; k++ {
			mb = append(mb, message(start+1<<k, 0))
		}
	}
	return mb
}

// A mailbox is read back as it was filled, with the lists and groups that its number of pages
// needs.
func TestFill(t *testing.T) {
	for _, test := range []struct{ clusters, lists, groups int }{{1, 2, 0}, {2, 4, 0}, {4, 7, 0}, {6, 0, 6}, {24, 0, 12}} {
		store := newMemory()
		want := scattered(test.clusters)
		var mb Mailbox
		if err := mb.Fill(nil, Changes{Added: want.seq()}, store.load, store.put); err != nil {
			t.Fatal(err)
		}
		if len(mb.Lists) != test.lists || len(mb.Groups) != test.groups || mb.Messages != int64(len(want)) || mb.Bytes != want.size() {
			t.Errorf("%d clusters: %d lists, %d groups, %d messages of %d bytes", test.clusters, len(mb.Lists), len(mb.Groups), mb.Messages, mb.Bytes)
		}
		if got := entries(t, &mb, store); !reflect.DeepEqual(got, want) {
			t.Errorf("%d clusters: %d messages came back otherwise", test.clusters, len(got))
		}
		mustFillAgain(t, &mb, want, store)
	}
}

// mustFillAgain fills without changes, and then with one changed flag at the end.
func mustFillAgain(t *testing.T, mb *Mailbox, want mailbox, store *memory) {
	t.Helper()
	var same, changed Mailbox
	store.puts = 0
	if err := same.Fill(mb, Changes{}, store.load, store.put); err != nil || store.puts != 0 || !reflect.DeepEqual(&same, mb) {
		t.Errorf("no change: %v, %d puts, %+v", err, store.puts, same)
	}
	last := want[len(want)-1].UID
	c := Changes{Flags: map[mail.UID]*FlagSet{last: {Labels: []string{"x"}}}}
	if err := changed.Fill(mb, c, store.load, store.put); err != nil || store.puts != 1+min(1, len(mb.Lists))+2*min(1, len(mb.Groups)) {
		t.Errorf("one flag: %v, %d puts", err, store.puts)
	}
	if got := entries(t, &changed, store); !reflect.DeepEqual(got, want.after(c)) {
		t.Error("one flag: not what it should be")
	}
}

func entries(t *testing.T, mb *Mailbox, store *memory) (all mailbox) {
	t.Helper()
	for e, err := range mb.Entries(store.load) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, *e)
	}
	return all
}

// TestPagesThatDoNotAddUp checks that Entries refuses figures that Parse cannot check.
func TestPagesThatDoNotAddUp(t *testing.T) {
	var good Mailbox
	full := newMemory()
	if err := good.Fill(nil, Changes{Added: scattered(4).seq()}, full.load, full.put); err != nil {
		t.Fatal(err)
	}
	pages, err := good.AllPages(full.load)
	if err != nil {
		t.Fatal(err)
	}
	for what, spoil := range map[string]func(*Mailbox, *memory, []Page){
		"bytes that do not add":    func(mb *Mailbox, _ *memory, _ []Page) { mb.Bytes++ },
		"messages that do not add": func(mb *Mailbox, _ *memory, _ []Page) { mb.Messages++ },
		"a list missing":           func(mb *Mailbox, _ *memory, _ []Page) { mb.Lists = mb.Lists[:1] },
		"lists swapped":            func(mb *Mailbox, _ *memory, _ []Page) { mb.Lists[0], mb.Lists[1] = mb.Lists[1], mb.Lists[0] },
		"a list lost":              func(mb *Mailbox, s *memory, _ []Page) { delete(s.chunks, mb.Lists[1]) },
		"a record page lost":       func(_ *Mailbox, s *memory, pages []Page) { delete(s.chunks, pages[7].Records) },
		"a flag page lost":         func(_ *Mailbox, s *memory, pages []Page) { delete(s.chunks, pages[7].Flags) },
		"records of another page":  func(_ *Mailbox, s *memory, p []Page) { s.chunks[p[7].Records] = s.chunks[p[9].Records] },
		"flags of another page":    func(_ *Mailbox, s *memory, p []Page) { s.chunks[p[7].Flags] = s.chunks[p[0].Flags] },
		"records that are none":    func(_ *Mailbox, s *memory, p []Page) { s.chunks[p[7].Records] = []byte{0x80} },
		"lists for few pages": func(mb *Mailbox, s *memory, p []Page) {
			mb.Lists = []chunk.ID{keep(t, s, p[:4], EncodePageList)}
		},
		"a list that is not full": func(mb *Mailbox, s *memory, p []Page) {
			mb.Lists = []chunk.ID{
				keep(t, s, p[:40], EncodePageList), keep(t, s, p[40:79], EncodePageList), keep(t, s, p[79:], EncodePageList),
			}
		},
		"a last list that is longer": func(mb *Mailbox, s *memory, p []Page) {
			mb.Lists = []chunk.ID{keep(t, s, p[:40], EncodePageList), keep(t, s, p[40:], EncodePageList)}
		},
	} {
		mb, store := good, newMemory()
		mb.Lists, store.chunks = slices.Clone(good.Lists), maps.Clone(full.chunks)
		spoil(&mb, store, pages)
		var err error
		for _, e := range mb.Entries(store.load) {
			err = e
		}
		if !errors.Is(err, ErrMalformed) && !errors.Is(err, errNoChunk) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestPartList(t *testing.T) {
	store := newMemory()
	inline := Record{UID: 1, Parts: sampleRecords()[0].Parts}
	listed := Record{UID: 2, List: keep(t, store, sampleParts(), EncodeParts)}
	lost := Record{UID: 3, List: id(3)}
	if parts, err := inline.PartList(store.load); err != nil || !reflect.DeepEqual(parts, inline.Parts) {
		t.Errorf("inline: %v, %v", parts, err)
	}
	if parts, err := listed.PartList(store.load); err != nil || !reflect.DeepEqual(parts, sampleParts()) {
		t.Errorf("listed: %v, %v", parts, err)
	}
	if _, err := lost.PartList(store.load); !errors.Is(err, errNoChunk) || !strings.Contains(err.Error(), "UID 3") {
		t.Errorf("lost: %v", err)
	}
	if NeedsList(inline.Parts) || !NeedsList(sampleParts()) {
		t.Error("NeedsList is wrong")
	}
	if _, err := EncodeParts(inline.Parts); !errors.Is(err, ErrLimit) {
		t.Errorf("a list that is not needed: %v", err)
	}
}

// TestManyFailures checks that the last failure says how many more there are.
func TestManyFailures(t *testing.T) {
	m := sampleManifest()
	for i := range maxNotes + 10 {
		m.AddFailure(Failure{Mailbox: "Archive", UID: mail.UID(i + 1), Reason: strings.Repeat("x", 1+i%2*maxNote)})
		m.AddWarning("100 % of the disk is full")
	}
	if len(m.Failures) != maxNotes || len(m.Warnings) != maxNotes || m.Totals.Failures != maxNotes+12 {
		t.Errorf("%d failures listed, %d counted, %d warnings", len(m.Failures), m.Totals.Failures, len(m.Warnings))
	}
	if last, want := m.Failures[maxNotes-1], fmt.Sprint(13, " more"); last.Reason != want {
		t.Errorf("the last one is %q, want %q", last.Reason, want)
	}
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Parse(b); err != nil || !reflect.DeepEqual(again, m) {
		t.Errorf("not the same again: %v", err)
	}
}

// pairs returns extensions with n entries.
func pairs(n int) Extensions {
	e := Extensions{0xb8, byte(n)}
	for i := range n {
		if i > 23 {
			e = append(e, 0x18)
		}
		e = append(e, byte(i), 0)
	}
	return e
}
