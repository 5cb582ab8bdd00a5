package mail_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/mail"
)

func TestDateGivesBackWhatTheServerSent(t *testing.T) {
	for _, c := range []struct {
		raw, again string
		instant    string
	}{
		{"17-Jul-1996 02:44:25 -0700", "", "1996-07-17T09:44:25Z"},
		{" 1-Jan-1970 00:00:00 +0000", "", "1970-01-01T00:00:00Z"},
		{"01-Jan-1970 00:00:00 +0000", " 1-Jan-1970 00:00:00 +0000", "1970-01-01T00:00:00Z"},
		{"31-Dec-1901 23:59:59 -0330", "", "1902-01-01T03:29:59Z"},
		{"19-Jan-2038 03:14:08 +1345", "", "2038-01-18T13:29:08Z"},
		{"17-JUL-1996 02:44:25 -0700", "", "1996-07-17T09:44:25Z"},
		{"17-Jul-1996 02:44:25 -0000", "", "1996-07-17T02:44:25Z"},
		{"30-Feb-2020 00:00:00 +0000", "", "1970-01-01T00:00:00Z"},
		{"yesterday", "", "1970-01-01T00:00:00Z"},
	} {
		d := mail.ParseDate(c.raw)
		want := c.again
		if want == "" {
			want = c.raw
		}
		if got := d.String(); got != want {
			t.Errorf("%q comes back as %q", c.raw, got)
		}
		if got := d.Time().UTC().Format(time.RFC3339); got != c.instant {
			t.Errorf("%q is at %s, want %s", c.raw, got, c.instant)
		}
	}
}

// What is no date-time is kept as it is and nothing else, because records must not depend on what a
// program can read. It has an instant if there is no doubt about it.
func TestOddDates(t *testing.T) {
	for raw, want := range map[string]string{
		"31-Dec-2016 23:59:60 +0000": "2017-01-01T00:00:00Z",
		"31-Dec-2016 15:59:60 -0800": "2016-12-31T16:00:00-08:00",
		"31-Dec-2016 23:59:60 GMT":   "2017-01-01T00:00:00Z",
		"17-Jul-1996 02:44:25 GMT":   "1996-07-17T02:44:25Z",
		" 7-Jul-1996 02:44:25 UT":    "1996-07-07T02:44:25Z",
		"07-Jul-1996 02:44:25 utc":   "1996-07-07T02:44:25Z",
		"7-Jul-1996 02:44:25 Z":      "1996-07-07T02:44:25Z",
		"17-Jul-1996 02:44:25 EST":   "1996-07-17T02:44:25-05:00",
		"17-Jul-1996 02:44:25 PDT":   "1996-07-17T02:44:25-07:00",
		"17-Jul-1996 02:44:25":       "", // it would be a guess
		"17-Jul-1996 02:44:25 ":      "",
		"17-Jul-1996 02:44:25 BST":   "", // British or Bangladesh time
		"17-Jul-1996 02:44:25 A":     "", // RFC 5322: servers confuse the signs of the letters
		"17-Jul-1996 02:44:61 +0000": "",
		"17-Jul-1996 02:60:00 +0000": "",
		"17-Jul-1996 02:60 +0000":    "",
		"30-Feb-2020 00:00:60 GMT":   "",
		"yesterday":                  "",
		"NIL":                        "",
		"GMT":                        "",
	} {
		d := mail.ParseDate(raw)
		if d != (mail.Date{Raw: raw}) {
			t.Errorf("%q: the record has %+v", raw, d)
		}
		have := ""
		if d.IsReadable() {
			have = d.Time().Format(time.RFC3339)
		}
		if have != want {
			t.Errorf("%q is at %q, want %q", raw, have, want)
		}
		if r := d.Resolved(); r.Raw != raw || !r.Time().Equal(d.Time()) || r.Resolved() != r || r.IsReadable() != d.IsReadable() {
			t.Errorf("%q: resolved it is %+v", raw, r)
		}
	}
}

// Dates are of one instant if they are in different forms or zones, and if they are one text that
// cannot be read.
func TestSameInstant(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"17-Jul-1996 02:44:25 +0000", "17-Jul-1996 04:44:25 +0200", true},
		{"17-Jul-1996 02:44:25 +0000", "17-Jul-1996 02:44:25 +0200", false},
		{"17-Jul-1996 02:44:25 GMT", "17-Jul-1996 02:44:25 GMT", true},
		{"17-Jul-1996 02:44:25 GMT", "17-Jul-1996 02:44:25 +0000", true},
		{"17-Jul-1996 02:44:25 GMT", "17-Jul-1996 02:44:26 GMT", false},
		{"17-Jul-1996 02:44:25 GMT", "yesterday", false},
		{" 1-Jan-1970 00:00:00 +0000", "yesterday", false},
		{"yesterday", "yesterday", true},
		{"yesterday", "today", false},
	} {
		a, b := mail.ParseDate(c.a), mail.ParseDate(c.b)
		if a.SameInstant(b) != c.want || b.SameInstant(a) != c.want {
			t.Errorf("%q and %q: want %t", c.a, c.b, c.want)
		}
	}
}

// A date that is read and written is the same date, and a resolved one is the same instant.
func FuzzDate(f *testing.F) {
	f.Add("17-Jul-1996 02:44:25 -0700")
	f.Add("31-Dec-2016 23:59:60 GMT")
	f.Add("02-Jan-0001 00:00:00 +9959")
	f.Fuzz(func(t *testing.T, raw string) {
		d := mail.ParseDate(raw)
		if again := mail.ParseDate(d.String()); again != d {
			t.Errorf("%q is %+v, written and read again %+v", raw, d, again)
		}
		r := d.Resolved()
		if r.Resolved() != r || r.Raw != d.Raw || !r.SameInstant(d) || r.IsReadable() != d.IsReadable() {
			t.Errorf("%q is %+v, resolved %+v", raw, d, r)
		}
	})
}

func TestFlagsAreASet(t *testing.T) {
	got := mail.NewFlags(`\SEEN`, "b", `\Recent`, `\seen`, "a", "b", `\X-Own`, `\flagged`)
	want := mail.Flags{`\Flagged`, `\Seen`, `\X-Own`, "a", "b"}
	if !got.Equal(want) {
		t.Errorf("%q, want %q", got, want)
	}
	if !got.Has(`\sEEN`) || got.Has(`\Recent`) {
		t.Error("flags have no case, and \\Recent is not a flag")
	}
	if keywords := got.Keywords(); !slices.Equal(keywords, []string{"a", "b"}) {
		t.Errorf("keywords %q", keywords)
	}
	if less := got.Without(`\FLAGGED`); less.Has(`\Flagged`) || len(less) != 4 || !got.Has(`\Flagged`) {
		t.Errorf("without: %q of %q", less, got)
	}
}

// TestUIDSetIsASet compares a UIDSet with a map, for random additions in a small space, so that
// ranges overlap in every way.
func TestUIDSetIsASet(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var set mail.UIDSet
		model := make(map[mail.UID]bool)
		for range 20 {
			first := mail.UID(1 + rng.IntN(40))
			last := first + mail.UID(rng.IntN(6)) - 1 // empty, too
			set.AddRange(mail.UIDRange{First: first, Last: last})
			for uid := first; uid <= last; uid++ {
				model[uid] = true
			}
		}
		for uid := mail.UID(0); uid < 50; uid++ {
			if set.Contains(uid) != model[uid] {
				t.Fatalf("seed %d: %s: %d", seed, set, uid)
			}
		}
		if set.Len() != int64(len(model)) || len(slices.Collect(set.All())) != len(model) {
			t.Fatalf("seed %d: %s has %d, want %d", seed, set, set.Len(), len(model))
		}
		var last mail.UIDRange
		for r := range set.Ranges() {
			if last.Last > 0 && r.First <= last.Last+1 {
				t.Fatalf("seed %d: %s: ranges touch", seed, set)
			}
			last = r
		}
		part := set.In(mail.UIDRange{First: 10, Last: 30})
		for uid := mail.UID(0); uid < 50; uid++ {
			if part.Contains(uid) != (model[uid] && 10 <= uid && uid <= 30) {
				t.Fatalf("seed %d: %s in 10:30 is %s", seed, set, part)
			}
		}
		again, err := mail.ParseUIDSet(set.String())
		if err != nil || again.String() != set.String() {
			t.Fatalf("seed %d: %s is read as %s, %v", seed, set, again, err)
		}
	}
}

// TestUIDSetWithoutAndUnion compares with a map, for random sets in a small space.
func TestUIDSetWithoutAndUnion(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	for range 2000 {
		var a, b mail.UIDSet
		for range random.IntN(6) {
			first := mail.UID(1 + random.IntN(30))
			a.AddRange(mail.UIDRange{First: first, Last: first + mail.UID(random.IntN(5))})
			first = mail.UID(1 + random.IntN(30))
			b.AddRange(mail.UIDRange{First: first, Last: first + mail.UID(random.IntN(5))})
		}
		was := a.String()
		less, all := a.Without(b), a.Union(b)
		var wantLess, wantAll mail.UIDSet
		for uid := mail.UID(1); uid < 40; uid++ {
			if a.Contains(uid) && !b.Contains(uid) {
				wantLess.Add(uid)
			}
			if a.Contains(uid) || b.Contains(uid) {
				wantAll.Add(uid)
			}
		}
		if less.String() != wantLess.String() || all.String() != wantAll.String() || a.String() != was {
			t.Fatalf("%s and %s: without %s, want %s; union %s, want %s", was, b, less, wantLess, all, wantAll)
		}
	}
	all := mail.UIDSet{}
	all.AddRange(mail.UIDRange{First: 1, Last: 4294967295})
	if got := all.Without(mail.UIDs(1, 4294967295)).String(); got != "2:4294967294" {
		t.Errorf("all without its ends: %s", got)
	}
}

func TestUIDSetAtTheEnds(t *testing.T) {
	set, err := mail.ParseUIDSet("4294967295,1,4294967290:4294967294")
	if err != nil || set.String() != "1,4294967290:4294967295" {
		t.Errorf("%s, %v", set, err)
	}
	n := 0
	for range set.All() {
		n++
	}
	if n != 7 {
		t.Errorf("%d UIDs", n)
	}
	for _, bad := range []string{"0", "1:*", "a", "1,,2", "4294967296", "1:2:3", "-1", " 1"} {
		if set, err := mail.ParseUIDSet(bad); err == nil {
			t.Errorf("%q is read as %s", bad, set)
		}
	}
}

// INBOX and attributes have no case, and the levels of a name are those of its delimiter.
func TestMailbox(t *testing.T) {
	m := mail.Mailbox{Raw: "inbox", Name: "inbox", Delimiter: "/", Attributes: []string{`\HasChildren`, `\noselect`}}
	if !m.IsInbox() || m.Selectable() {
		t.Error("INBOX and attributes have no case")
	}
	m = mail.Mailbox{Name: "a.b/c", Delimiter: "/"}
	if path := m.Path(); !slices.Equal(path, []string{"a.b", "c"}) {
		t.Errorf("%q", path)
	}
	m.Delimiter = ""
	if path := m.Path(); !slices.Equal(path, []string{"a.b/c"}) {
		t.Errorf("%q", path)
	}
}
