package history

import (
	"errors"
	"testing"
	"time"
)

func TestParseRefRefuses(t *testing.T) {
	for _, text := range []string{
		"", "x", "abc", "abcg", "latest~", "latest~-1", "latest~x", "latest2", "latest~99999999999", "Latest", "@latest",
		"2026-02-30", "26-3-8", "2026-03-08T25:00", "08.03.2026", "fridays", "fr", "home@", "2", "march of 2026",
		"00000000000000000000000000000000000000000000000000000000000000000",
	} {
		if _, err := ParseRef(text, time.Now()); !errors.Is(err, ErrRef) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A reference picks the manifest that a person means by it, of one account or of several.
func TestPick(t *testing.T) {
	berlin := time.FixedZone("", 3600)
	hash := func(b ...byte) (h [32]byte) { copy(h[:], b); return h }
	when := func(text string) time.Time {
		at, err := time.ParseInLocation("2006-01-02 15:04:05.000", text, berlin)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	checkpoint := func() (bool, error) { return false, nil }
	broken := errors.New("broken")
	one := []Candidate{
		{"home", hash(0xab, 0xcd, 0x01), when("2026-03-07 23:59:59.999"), InTime, nil},
		{"home", hash(0xab, 0xcd, 0x02), when("2026-03-10 14:30:59.500"), InTime, checkpoint},
		{"home", hash(0x12, 0x34), when("2026-03-08 00:00:00.000"), InTime, nil},
		{"home", hash(0x56, 0x78), when("2026-03-09 12:00:00.400"), InTime, nil},
	}
	several := append([]Candidate{{"jo@example.org", hash(0x99, 0x99), when("2026-03-11 00:00:00.000"), InTime, nil}}, one...)
	damaged := append([]Candidate{{"home", hash(0x77, 0x77), when("2026-03-20 00:00:00.000"), InTime, func() (bool, error) { return false, broken }}}, one...)

	for _, test := range []struct {
		ref  string
		list []Candidate
		want int
		err  error
	}{
		{"latest", one, 3, nil},
		{"latest~0", one, 3, nil},
		{"latest~1", one, 2, nil},
		{"latest~2", one, 0, nil},
		{"latest~3", one, 0, ErrNoMatch},
		{"latest", nil, 0, ErrNoMatch},
		{"home@latest", one, 3, nil},
		{"work@latest", one, 0, ErrNoMatch},
		{"latest", several, 0, ErrAmbiguous},
		{"home@latest", several, 4, nil},
		{"jo@example.org@latest", several, 0, nil},
		{"1234", one, 2, nil},
		{"ABCD02", one, 1, nil}, // a checkpoint, if one insists
		{"abcd", one, 0, ErrAmbiguous},
		{"abcdef", one, 0, ErrNoMatch},
		{"9999", several, 0, nil},
		{"home@9999", several, 0, ErrNoMatch},
		{"2026-03-07", one, 0, nil},
		{"2026-03-08", one, 2, nil},
		{"2026-03-06", one, 0, ErrNoMatch},
		{"2026-03-10", one, 3, nil},
		{"2026-03-09T12:00", one, 3, nil},
		{"2026-03-09T12:00:00", one, 3, nil},
		{"2026-03-09 11:59", one, 2, nil},
		{"2026/3/8", one, 2, nil},
		{"2026-03", one, 3, nil},
		{"feb 2026", one, 0, ErrNoMatch},
		{"2 days ago", one, 2, nil},
		{"1d", one, 3, nil},
		{"2026", one, 0, ErrNoMatch}, // the first digits of a hash
		{"2026-03-09T11:59", one, 2, nil},
		{"2026-03-09T11:00:00Z", one, 3, nil},
		{"2026-03-09T12:00:00+02:00", one, 2, nil},
		{"today", one, 3, nil},     // Tuesday, the tenth
		{"yesterday", one, 3, nil}, // Monday
		{"Monday", one, 3, nil},
		{"sunday", one, 2, nil},
		{"home@sat", several, 1, nil},
		{"friday", one, 0, ErrNoMatch},
		{"tuesday", one, 0, ErrNoMatch},          // a week ago
		{"2026-03-10", several, 0, ErrAmbiguous}, // of each account, one is meant
		{"home@2026-03-10", several, 4, nil},
		{"latest", damaged, 0, broken},
		{"2026-03-09", damaged, 4, nil}, // the damaged one is not asked
	} {
		r, err := ParseRef(test.ref, when("2026-03-10 18:00:00.000"))
		if err != nil {
			t.Errorf("%s: %v", test.ref, err)
			continue
		}
		got, err := r.Pick(test.list)
		if got != test.want || !errors.Is(err, test.err) || err != nil && test.err == nil {
			t.Errorf("%s: got %d, %v; want %d, %v", test.ref, got, err, test.want, test.err)
		}
	}
}

// TestADayEndsWhenTheClockSays checks days that are not 24 hours long, because clocks change.
func TestADayEndsWhenTheClockSays(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	r, err := ParseRef("2026-03-29", time.Now().In(berlin)) // 23 hours
	if err != nil {
		t.Fatal(err)
	}
	evening := time.Date(2026, 3, 29, 23, 59, 59, 0, berlin)
	if _, err := r.Pick([]Candidate{{Time: evening}}); err != nil {
		t.Error(err)
	}
	if _, err := r.Pick([]Candidate{{Time: evening.Add(time.Second)}}); !errors.Is(err, ErrNoMatch) {
		t.Errorf("midnight is the next day's: %v", err)
	}
}

// Where clocks are put forward at midnight, a day begins at one o'clock, without the last hour of
// the day before.
func TestDaysWithoutMidnight(t *testing.T) {
	zone, err := time.LoadLocation("America/Santiago")
	if err != nil {
		t.Fatal(err)
	}
	at := func(day, hour, minute int) Candidate {
		return Candidate{Account: "a", Time: time.Date(2026, 9, day, hour, minute, 0, 0, zone)}
	}
	list := []Candidate{at(5, 12, 0), at(5, 23, 30), at(6, 1, 30), at(6, 23, 30), at(7, 1, 0)}
	now := time.Date(2026, 9, 7, 12, 0, 0, 0, zone)
	for text, want := range map[string]int{"2026-09-05": 1, "2026-09-06": 3, "yesterday": 3, "saturday": 1, "sunday": 3} {
		ref, err := ParseRef(text, now)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ref.Pick(list); err != nil || got != want {
			t.Errorf("%s: picked %d, %v; want %d", text, got, err, want)
		}
	}
}
