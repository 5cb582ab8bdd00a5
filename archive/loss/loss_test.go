package loss_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/archive/loss"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// catalog keeps pages in memory.
type catalog struct {
	chunks map[chunk.ID][]byte
	loads  int
}

func newCatalog() *catalog { return &catalog{chunks: make(map[chunk.ID][]byte)} }

func (c *catalog) put(b []byte) (chunk.ID, error) {
	id := chunk.Key{1}.Sum(b)
	c.chunks[id] = b
	return id, nil
}

var errGone = errors.New("gone")

func (c *catalog) load(id chunk.ID) ([]byte, error) {
	c.loads++
	b, ok := c.chunks[id]
	if !ok {
		return nil, errGone
	}
	return b, nil
}

// box describes a mailbox by the numbers of its messages. Equal numbers are equal messages.
type box struct {
	name     string
	validity uint32
	uses     string // special uses
	from     mail.UID
	messages []int
}

// record makes a mailbox as a manifest records it. UIDs begin after from.
func (c *catalog) record(t testing.TB, b box) *manifest.Mailbox {
	t.Helper()
	m := &manifest.Mailbox{Mailbox: mail.Mailbox{Raw: b.name, Name: b.name, Delimiter: "/", SpecialUse: strings.Fields(b.uses)}}
	m.Status = &mail.Status{UIDValidity: b.validity, UIDNext: uint32(b.from) + uint32(len(b.messages)) + 1, Messages: uint32(len(b.messages))}
	added := func(yield func(manifest.Entry, error) bool) {
		for i, n := range b.messages {
			entry := manifest.Entry{}
			entry.UID = b.from + mail.UID(i) + 1
			binary.BigEndian.PutUint32(entry.Hash[:], uint32(n)+1)
			if !yield(entry, nil) {
				return
			}
		}
	}
	if err := m.Fill(nil, manifest.Changes{Added: added}, nil, c.put); err != nil {
		t.Fatal(err)
	}
	return m
}

func (c *catalog) records(t testing.TB, boxes []box) (all []*manifest.Mailbox) {
	t.Helper()
	for _, b := range boxes {
		all = append(all, c.record(t, b))
	}
	return all
}

func (c *catalog) compare(before, now []*manifest.Mailbox) *loss.Comparison {
	return &loss.Comparison{
		Before: before, Now: now, Most: -1,
		Catalog: loss.Catalog{Load: c.load, Damaged: func(err error) bool { return errors.Is(err, errGone) }},
	}
}

// to returns the numbers from one to another.
func to(first, last int) (list []int) {
	for n := first; n <= last; n++ {
		list = append(list, n)
	}
	return list
}

// A message that is anywhere in the later manifest is not lost. A mailbox that has become empty
// raises an alarm at any size.
func TestLosses(t *testing.T) {
	for name, test := range map[string]struct {
		before, now []box
		alarms      []string // words of each
		remarks     []string
	}{
		"nothing": {before: []box{{name: "A", validity: 1, messages: to(1, 300)}}, now: []box{{name: "A", validity: 1, messages: to(1, 301)}}},
		"renamed, one came": {
			before: []box{{name: "A", validity: 1, messages: to(1, 120)}}, now: []box{{name: "B", validity: 1, messages: to(1, 121)}},
		},
		"renamed, ten expunged": {
			before: []box{{name: "A", validity: 1, messages: to(1, 120)}}, now: []box{{name: "B", validity: 1, from: 10, messages: to(11, 120)}},
		},
		"renamed, most expunged": {
			before: []box{{name: "A", validity: 1, messages: to(1, 300)}, {name: "C", validity: 2, messages: to(1000, 1999)}},
			now:    []box{{name: "B", validity: 1, messages: to(1, 200)}, {name: "C", validity: 2, messages: to(1000, 1999)}},
			alarms: []string{`mailbox "A": 300 messages before, 200 that night; nowhere in the account: 100 of`},
		},
		"renamed and made again": {
			before: []box{{name: "A", validity: 1, messages: to(1, 120)}},
			now:    []box{{name: "A", validity: 2}, {name: "B", validity: 1, messages: to(1, 120)}},
		},
		"moved, and deleted": {
			before: []box{{name: "A", validity: 1, messages: to(1, 120)}, {name: "B", validity: 2, messages: to(500, 510)}},
			now:    []box{{name: "B", validity: 2, messages: append(to(500, 510), to(1, 120)...)}},
		},
		"filed": {
			before: []box{{name: "A", validity: 1, messages: to(1, 200)}},
			now:    []box{{name: "A", validity: 1, messages: to(1, 140)}, {name: "B", validity: 2, messages: to(141, 200)}},
		},
		"renumbered": {
			before: []box{{name: "A", validity: 1, messages: to(1, 120)}}, now: []box{{name: "A", validity: 2, from: 7, messages: to(1, 120)}},
		},
		"renumbered, a few gone": {
			before: []box{{name: "A", validity: 1, messages: to(1, 100)}}, now: []box{{name: "A", validity: 2, messages: to(1, 75)}},
		},
		"replaced": {
			before: []box{{name: "A", validity: 1, messages: to(1, 4)}, {name: "B", validity: 2, messages: to(500, 600)}},
			now:    []box{{name: "A", validity: 3, messages: to(5, 6)}, {name: "B", validity: 2, messages: to(500, 600)}},
			alarms: []string{`mailbox "A": 4 messages before, 2 that night; nowhere in the account: 4 of`},
		},
		"beyond the limit, though as many came": {
			before: []box{{name: "A", validity: 1, messages: to(1, 200)}},
			now:    []box{{name: "A", validity: 1, messages: append(to(1, 100), to(300, 399)...)}},
			alarms: []string{`mailbox "A": 200 messages before, 200 that night; nowhere in the account: 100`, "as a whole: 200 messages before, 200 that night; gone: 100"},
		},
		"one left": {
			before: []box{{name: "A", validity: 1, messages: to(1, 49)}, {name: "B", validity: 2, messages: []int{50}}},
			now:    []box{{name: "A", validity: 1, messages: []int{1}}, {name: "B", validity: 2, messages: []int{50}}},
		},
		"a small mailbox": {
			before: []box{{name: "A", validity: 1, messages: []int{1}}, {name: "B", validity: 2, messages: to(50, 60)}},
			now:    []box{{name: "A", validity: 1}, {name: "B", validity: 2, messages: to(50, 60)}},
			alarms: []string{`mailbox "A" is empty: 1 message before, none that night`},
		},
		"a small mailbox is gone, another has its UIDVALIDITY": {
			before: []box{{name: "A", validity: 1, messages: []int{1}}, {name: "B", validity: 1, messages: to(50, 60)}},
			now:    []box{{name: "B", validity: 1, messages: to(50, 60)}},
			alarms: []string{`mailbox "A" is gone: 1 message before`},
		},
		"gone, most of it filed": {
			before:  []box{{name: "A", validity: 1, messages: to(1, 10)}},
			now:     []box{{name: "B", validity: 2, messages: to(2, 10)}},
			remarks: []string{`mailbox "A" is gone: 10 messages before; nowhere in the account that night: 1`},
		},
		"a small account": {
			before: []box{{name: "A", validity: 1, messages: []int{1}}, {name: "B", validity: 2, messages: []int{2, 3}}},
			now:    []box{{name: "A", validity: 1}, {name: "B", validity: 2}},
			alarms: []string{`"A" is empty`, `"B" is empty`, "the account is empty: 3 messages before, none that night"},
		},
		"a small account, and one came": {
			before: []box{{name: "A", validity: 1, messages: to(1, 49)}}, now: []box{{name: "A", validity: 1, messages: []int{99}}},
			alarms: []string{"as a whole: 49 messages before, 1 that night; gone: 49"},
		},
		"Trash, Junk and Drafts by use": {
			before: []box{
				{name: "A", validity: 1, messages: to(1, 9)}, {name: "Müll", validity: 2, uses: `\Trash`, messages: to(10, 12)},
				{name: "S", validity: 3, uses: `\Junk`, messages: to(20, 22)}, {name: "D", validity: 4, uses: `\Drafts`, messages: to(30, 31)},
			},
			now:     []box{{name: "A", validity: 1, messages: to(1, 9)}, {name: "Müll", validity: 2, uses: `\Trash`}, {name: "S", validity: 3, uses: `\Junk`}},
			remarks: []string{`"D" is gone`},
		},
		"Trash by name": {
			before: []box{{name: "A", validity: 1, messages: to(1, 9)}, {name: "A/Deleted Items", validity: 2, messages: to(10, 12)}},
			now:    []box{{name: "A", validity: 1, messages: to(1, 9)}, {name: "A/Deleted Items", validity: 2}},
		},
		"Trash by name, while another has the use": {
			before: []box{{name: "A", validity: 1, uses: `\Trash`}, {name: "Trash", validity: 2, messages: to(10, 12)}, {name: "B", validity: 3, messages: to(1, 9)}},
			now:    []box{{name: "A", validity: 1, uses: `\Trash`}, {name: "Trash", validity: 2}, {name: "B", validity: 3, messages: to(1, 9)}},
			alarms: []string{`"Trash" is empty`},
		},
		"Trash beyond the limit": {
			before: []box{{name: "A", validity: 1, messages: to(1, 1000)}, {name: "Trash", validity: 2, messages: to(2001, 2050)}},
			now:    []box{{name: "A", validity: 1, messages: to(1, 1000)}, {name: "Trash", validity: 2}},
			alarms: []string{`"Trash" is empty`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCatalog()
			losses, err := c.compare(c.records(t, test.before), c.records(t, test.now)).Find()
			if err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(losses.Alarms, test.alarms, strings.Contains) || !slices.EqualFunc(losses.Remarks, test.remarks, strings.Contains) {
				t.Errorf("alarms %q, remarks %q; want %q, %q", losses.Alarms, losses.Remarks, test.alarms, test.remarks)
			}
		})
	}
}

// The counts are those of a comparison of sets, whatever the pages, in one pass or in several.
func TestCountsMatchSets(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 1))
		back := loss.CandidatesAtMost([]int{1 << 20, 700, 1}[seed%3])
		defer back()
		var before, now []box
		for n := range 1 + rng.IntN(4) {
			b := box{name: string(rune('A' + n)), validity: uint32(n + 1)}
			for range rng.IntN(6000) >> rng.IntN(8) {
				b.messages = append(b.messages, rng.IntN(20_000))
			}
			before = append(before, b)
			b.messages = slices.Clone(b.messages)
			for range rng.IntN(3) {
				b.messages = b.messages[:len(b.messages)-rng.IntN(len(b.messages)+1)/4]
				b.messages = append(b.messages, to(30_000, 30_000+rng.IntN(300))...)
			}
			if rng.IntN(4) > 0 {
				now = append(now, b)
			}
		}
		there := make(map[int]bool)
		for _, b := range now {
			for _, n := range b.messages {
				there[n] = true
			}
		}
		c := newCatalog()
		comparison := c.compare(c.records(t, before), c.records(t, now))
		comparison.Limit = func(*mail.Mailbox) loss.Limit { return loss.Limit{Least: 1} }
		losses, err := comparison.Find()
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range before {
			lost := 0
			for _, n := range b.messages {
				if !there[n] {
					lost++
				}
			}
			said := slices.ContainsFunc(losses.Alarms, func(a string) bool {
				_, count, _ := strings.Cut(a, "nowhere in the account")
				return strings.Contains(a, fmt.Sprintf("mailbox %q", b.name)) && strings.Contains(count+" ", fmt.Sprintf(": %d ", lost))
			})
			if said != (lost > 0) {
				t.Errorf("seed %d: mailbox %s lost %d of %d: %q", seed, b.name, lost, len(b.messages), losses.Alarms)
			}
		}
	}
}

// Nothing is read if the numbers show that the limits are kept. Pages that did not change are read
// only if too much is missing from those that did.
func TestFindReadsFewPages(t *testing.T) {
	c := newCatalog()
	archive := box{name: "Archive", validity: 9, messages: to(100_000, 140_000)}
	inbox := box{name: "INBOX", validity: 1, messages: to(1, 49)}
	before := c.records(t, []box{archive, inbox})
	for name, test := range map[string]struct {
		now  box
		most int64
		want func(loads int) bool
	}{
		"few messages":                   {box{name: "INBOX", validity: 1, messages: to(2, 60)}, -1, func(n int) bool { return n == 0 }},
		"few can be gone":                {box{name: "INBOX", validity: 1, messages: to(2, 60)}, 1, func(n int) bool { return n == 0 }},
		"moved to a new place":           {box{name: "Sent", validity: 2, from: 7, messages: to(1, 49)}, -1, func(n int) bool { return n > 0 && n < 60 }}, // half of these are list groups
		"moved to where no page changed": {box{name: "INBOX", validity: 1}, -1, func(n int) bool { return n > 100 }},
	} {
		now := c.records(t, []box{archive, test.now})
		c.loads = 0
		comparison := c.compare(before, now)
		comparison.Most = test.most
		if _, err := comparison.Find(); err != nil {
			t.Fatal(err)
		}
		if !test.want(c.loads) {
			t.Errorf("%s: %d chunks were read", name, c.loads)
		}
	}
}

// Messages of a damaged page count as lost if it is in the later manifest, and not if it is in the
// earlier one. Another error ends the comparison.
func TestDamagedPages(t *testing.T) {
	c := newCatalog()
	before := c.records(t, []box{{name: "A", validity: 1, messages: to(1, 10)}})
	now := c.records(t, []box{{name: "B", validity: 1, from: 3, messages: to(1, 10)}})
	kept := c.chunks[now[0].Pages[0].Records]
	delete(c.chunks, now[0].Pages[0].Records)
	losses, err := c.compare(before, now).Find()
	if err != nil || len(losses.Alarms) == 0 {
		t.Errorf("a later page: %+v, %v", losses, err)
	}
	comparison := c.compare(before, now)
	comparison.Damaged = func(error) bool { return false }
	if _, err := comparison.Find(); !errors.Is(err, errGone) {
		t.Errorf("another error: %v", err)
	}
	c.chunks[now[0].Pages[0].Records] = kept
	delete(c.chunks, before[0].Pages[0].Records)
	if losses, err = c.compare(before, now).Find(); err != nil || len(losses.Alarms) > 0 {
		t.Errorf("an earlier page: %+v, %v", losses, err)
	}
}

// Messages that the owner erased are not lost, even if a mailbox is empty without them.
func TestErasedIsNotLost(t *testing.T) {
	c := newCatalog()
	before := c.records(t, []box{{name: "A", validity: 1, messages: to(1, 3)}, {name: "B", validity: 2, messages: to(4, 5)}})
	now := c.records(t, []box{{name: "A", validity: 1, messages: to(1, 3)}, {name: "B", validity: 2}})
	for erased, alarms := range map[int]int{5: 0, 4: 1} { // messages up to this number are erased
		comparison := c.compare(before, now)
		comparison.Erased = func(hash chunk.ID) bool { return int(binary.BigEndian.Uint32(hash[:]))-1 <= erased }
		losses, err := comparison.Find()
		if err != nil || len(losses.Alarms) != alarms {
			t.Errorf("with %d erased: %q, %v", erased, losses, err)
		}
	}
}
