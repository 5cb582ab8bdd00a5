package manifest

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

func sampleItemSource() *ItemSource {
	return &ItemSource{
		Kind: Calendars, URL: "https://jo@dav.example/", Observed: at(1_700_000_100),
		Server: []Field{{Name: "Server", Value: "Cyrus-HTTP"}},
		Collections: []Collection{
			{Path: "/cal/jo/a%20b/", Name: "Büro", Properties: []Field{{Name: "color", Value: "#f00"}, {Name: "components", Value: "VEVENT VTODO"}},
				SyncToken: "data:,17", CTag: "17", Complete: true, Items: 3, Bytes: 1 << 33, Pages: ids(1, 2), Extensions: Extensions("\xa1\x05\x01")},
			{Path: "/cal/jo/b/", Inherited: true},
		},
		Extensions: Extensions("\xa1\x00\x41x"),
	}
}

func sampleItems() []Item {
	return []Item{
		{Name: "a.ics", Size: 700, ETag: `W/"1"`, Chunks: ids(1)},
		{Name: "b.ics", Size: 1 << 33, ETag: `"2"`, List: id(3), Extensions: Extensions("\xa1\x05\x01")},
		{Name: "empty"},
		{Name: "z.sieve", Size: 7, Chunks: ids(4, 5), Active: true},
	}
}

func sampleItemManifest() *Manifest {
	m := sampleManifest()
	m.ItemSources, m.ItemTotals = ids(50, 51), ItemTotals{Collections: 2, Items: 3, Bytes: 1 << 33, NewItems: 1, NewBytes: 7}
	return m
}

func sampleSourcesManifest() *Manifest {
	m := sampleItemManifest()
	m.Sources = []Source{{Mail, Whole, at(1_700_000_000)}, {Calendars, Inherited, at(1_699_000_000)}, {AddressBooks, Incomplete, at(1_700_000_000)}}
	return m
}

// TestSources checks the literal example in docs/format.md, and values that must not be written.
func TestSources(t *testing.T) {
	night := time.Date(2026, 3, 9, 2, 0, 0, 0, time.UTC)
	before := []Source{{Calendars, Inherited, night.AddDate(0, 0, -1)}, {Sieve, Inherited, night.AddDate(0, 0, -2)}}
	m := sampleItemManifest()
	m.Sources = []Source{NextSource(before, Mail, Whole, night), NextSource(before, Calendars, Inherited, night)}
	b, err := m.Encode()
	if err != nil || !strings.Contains(hex.EncodeToString(b), "1820828300001b0000019cd05299008302021b0000019ccb2c3d00") {
		t.Errorf("%x, %v", b, err)
	}
	if s := NextSource(before, Sieve, Whole, night); s.Since != night {
		t.Errorf("a source that was inherited before is complete since %v", s.Since)
	}
	if err := m.SetItemSources(nil, chunkMap{}.put); err != nil || m.Sources != nil {
		t.Errorf("an account without items has sources: %+v, %v", m.Sources, err)
	}
	for name, change := range map[string]func(*Manifest){
		"without item sources": func(m *Manifest) { m.ItemSources, m.ItemTotals = nil, ItemTotals{} },
		"in disorder":          func(m *Manifest) { slices.Reverse(m.Sources) },
		"twice":                func(m *Manifest) { m.Sources[1].Kind = Mail },
		"of an unknown kind":   func(m *Manifest) { m.Sources[2].Kind = 4 },
		"of an unknown state":  func(m *Manifest) { m.Sources[2].Found = 3 },
		"without a time":       func(m *Manifest) { m.Sources[2].Since = time.Time{} },
	} {
		m := sampleSourcesManifest()
		change(m)
		if _, err := m.Encode(); !errors.Is(err, ErrLimit) {
			t.Errorf("sources %s: %v", name, err)
		}
	}
}

func TestMailFound(t *testing.T) {
	box := func(complete, inherited bool) Mailbox { return Mailbox{Complete: complete, Inherited: inherited} }
	label := Mailbox{Mailbox: mail.Mailbox{Label: true}}
	for _, test := range []struct {
		mailboxes []Mailbox
		want      Found
	}{
		{nil, Whole},
		{[]Mailbox{box(true, false), label}, Whole},
		{[]Mailbox{box(true, false), box(false, true)}, Incomplete},
		{[]Mailbox{box(true, false), box(false, false)}, Incomplete},
		{[]Mailbox{box(false, false)}, Incomplete},
		{[]Mailbox{box(false, true), box(false, true), label}, Inherited},
	} {
		if got := MailFound(test.mailboxes); got != test.want {
			t.Errorf("%+v: %s, want %s", test.mailboxes, got, test.want)
		}
	}
}

func FuzzParseItemSource(f *testing.F) { fuzz(f, "item source") }
func FuzzParseItems(f *testing.F)      { fuzz(f, "items") }

// chunkMap is a store of chunks.
type chunkMap map[chunk.ID][]byte

func (m chunkMap) put(b []byte) (chunk.ID, error) {
	id := id(len(m) + 1)
	for known, data := range m {
		if string(data) == string(b) {
			id = known
		}
	}
	m[id] = b
	return id, nil
}

func (m chunkMap) load(id chunk.ID) ([]byte, error) { return m[id], nil }

func manyItems(n int) []Item {
	items := make([]Item, n)
	for i := range items {
		items[i] = Item{Name: fmt.Sprintf("%06d.ics", i), Size: 32, ETag: `"1"`, Chunks: ids(i + 1)}
	}
	return items
}

// TestItemPages checks that what was put is read back, and that a changed item or a new one
// rewrites few pages.
func TestItemPages(t *testing.T) {
	store := chunkMap{}
	var c Collection
	items := manyItems(5000)
	if err := c.PutItems(items, store.put); err != nil {
		t.Fatal(err)
	}
	if len(c.Pages) < 80 || len(c.Pages) > 320 || c.Items != 5000 || c.Bytes != 5000*32 {
		t.Fatalf("%d items of %d bytes in %d pages", c.Items, c.Bytes, len(c.Pages))
	}
	n := 0
	for it, err := range c.AllItems(store.load) {
		if err != nil || it.Name != items[n].Name || !slices.Equal(it.Chunks, items[n].Chunks) {
			t.Fatalf("item %d is %+v, %v", n, it, err)
		}
		n++
	}
	before := len(store)
	items[2500].ETag = `"2"`
	added := slices.Insert(items, 100, Item{Name: "000099a.ics"})
	if err := c.PutItems(added, store.put); err != nil {
		t.Fatal(err)
	}
	if wrote := len(store) - before; wrote < 2 || wrote > 3 {
		t.Errorf("a changed item and a new one rewrote %d of %d pages", wrote, len(c.Pages))
	}
	c.Items++
	var last error
	for _, err := range c.AllItems(store.load) {
		last = err
	}
	if !errors.Is(last, ErrMalformed) {
		t.Errorf("a wrong number of items is not noticed: %v", last)
	}
}

// TestItemChunks checks that an item of many chunks names a list of them.
func TestItemChunks(t *testing.T) {
	store := chunkMap{}
	for _, n := range []int{0, 1, MaxInlineChunks, MaxInlineChunks + 1, 300} {
		var want []chunk.ID
		for i := range n {
			want = append(want, id(i+1))
		}
		it := Item{Name: "a", Size: int64(n)}
		if err := it.SetChunks(want, store.put); err != nil {
			t.Fatal(err)
		}
		if (n > MaxInlineChunks) == it.List.IsZero() {
			t.Errorf("%d chunks: list %s", n, it.List)
		}
		if got, err := it.ChunkList(store.load); err != nil || !slices.Equal(got, want) {
			t.Errorf("%d chunks: got %d, %v", n, len(got), err)
		}
		if _, err := EncodeItems([]Item{it}); err != nil {
			t.Error(err)
		}
	}
	if _, err := parseItemChunks(make([]byte, 33)); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
}

// TestItemSourcesAddUp checks that the totals of a manifest are compared with its sources.
func TestItemSourcesAddUp(t *testing.T) {
	store := chunkMap{}
	m := sampleManifest()
	sources := []ItemSource{*sampleItemSource(), {Kind: Sieve, Collections: []Collection{{Complete: true}}, Complete: true}}
	if err := m.SetItemSources(sources, store.put); err != nil {
		t.Fatal(err)
	}
	if m.ItemTotals != (ItemTotals{Collections: 3, Items: 3, Bytes: 1 << 33}) {
		t.Fatalf("%+v", m.ItemTotals)
	}
	if got, err := m.AllItemSources(store.load); err != nil || len(got) != 2 || got[0].Collections[0].Name != "Büro" {
		t.Fatalf("%+v, %v", got, err)
	}
	m.ItemTotals.Items++
	if _, err := m.AllItemSources(store.load); !errors.Is(err, ErrMalformed) {
		t.Errorf("wrong totals are not noticed: %v", err)
	}
}

// TestItemsRefused has values that must not be written.
func TestItemsRefused(t *testing.T) {
	sources := map[string]func(*ItemSource){
		"an unknown kind":                   func(s *ItemSource) { s.Kind = 4 },
		"no kind":                           func(s *ItemSource) { s.Kind = 0 },
		"collections in disorder":           func(s *ItemSource) { slices.Reverse(s.Collections) },
		"complete, but a collection is not": func(s *ItemSource) { s.Complete = true },
		"items without pages":               func(s *ItemSource) { s.Collections[1].Items = 1 },
		"pages without items":               func(s *ItemSource) { s.Collections[0].Items = 1 },
		"complete and inherited":            func(s *ItemSource) { s.Collections[0].Inherited = true },
		"properties in disorder":            func(s *ItemSource) { slices.Reverse(s.Collections[0].Properties) },
	}
	for name, change := range sources {
		s := sampleItemSource()
		change(s)
		if _, err := EncodeItemSource(s); !errors.Is(err, ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
	items := map[string]Item{
		"no name":                   {Size: 1, Chunks: ids(1)},
		"bytes without chunks":      {Name: "a", Size: 1},
		"chunks without bytes":      {Name: "a", Chunks: ids(1)},
		"a list and chunks":         {Name: "a", Size: 1, Chunks: ids(1), List: id(2)},
		"too many chunks for a row": {Name: "a", Size: 9, Chunks: ids(1, 2, 3, 4, 5, 6, 7, 8, 9)},
		"a long name":               {Name: string(make([]byte, MaxItemName+1))},
	}
	for name, item := range items {
		if _, err := EncodeItems([]Item{item}); !errors.Is(err, ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
	m := sampleManifest()
	m.ItemTotals.Items = 1
	if _, err := m.Encode(); !errors.Is(err, ErrLimit) {
		t.Errorf("totals without sources: %v", err)
	}
}
