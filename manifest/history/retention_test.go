package history_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // a host may have no time zones

	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/manifest/history"
)

// nights returns complete manifests at the given times.
func nights(times ...string) (list []history.Run) {
	for i, text := range times {
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			panic(err)
		}
		list = append(list, history.Run{Hash: [32]byte{byte(i)}, Time: t, State: manifest.Complete})
	}
	return list
}

// describe returns a word for each verdict: "-" for a manifest that is not kept, else the reasons.
func describe(verdicts []history.Verdict) string {
	var words []string
	for _, v := range verdicts {
		if !v.Keep {
			words = append(words, "-")
			continue
		}
		words = append(words, strings.ReplaceAll(strings.Join(v.Reasons, "+"), " ", "_"))
	}
	return strings.Join(words, " ")
}

// Each rule keeps the manifests that it promises, and the reasons say which rule it was.
func TestRetention(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	alarm := func(list []history.Run, at ...int) []history.Run {
		for _, i := range at {
			list[i].Alarm = true
		}
		return list
	}
	tag := func(list []history.Run, i int, tags ...string) []history.Run {
		list[i].Tags = tags
		return list
	}
	checkpoint := func(list []history.Run, at ...int) []history.Run {
		for _, i := range at {
			list[i].State = manifest.Checkpoint
		}
		return list
	}
	late := func(list []history.Run, i int) []history.Run {
		list[i].Late = true
		return list
	}
	three := func() []history.Run {
		return nights("2026-03-01T02:00:00Z", "2026-03-02T02:00:00Z", "2026-03-03T02:00:00Z")
	}
	for _, c := range []struct {
		name   string
		policy history.Policy
		list   []history.Run
		want   string
	}{
		{"nothing", history.Policy{Last: 1}, nil, ""},
		{"no rule keeps the newest", history.Policy{}, three(), "- - newest"},
		{"the last two", history.Policy{Last: 2}, three(), "- last newest+last"},
		{"all", history.Policy{Last: history.Unlimited}, three(), "last last newest+last"},
		{"the newest of a day", history.Policy{Daily: 2},
			nights("2026-03-01T02:00:00Z", "2026-03-02T02:00:00Z", "2026-03-02T22:00:00Z", "2026-03-03T02:00:00Z"),
			"- - daily newest+daily"},
		{"the oldest, while the number is not reached", history.Policy{Yearly: 3}, three(), "oldest_yearly - newest+yearly"},
		{"days are those of the zone", history.Policy{Daily: 9},
			nights("2026-03-01T12:00:00Z", "2026-03-01T22:30:00Z", "2026-03-01T23:30:00Z"), "oldest_daily daily newest+daily"},
		{"an hour that comes twice is two", history.Policy{Hourly: 3},
			nights("2025-10-25T20:00:00Z", "2025-10-26T00:30:00Z", "2025-10-26T01:30:00Z"), "hourly hourly newest+hourly"},
		{"weeks are those of ISO 8601", history.Policy{Weekly: 2},
			nights("2025-12-28T12:00:00Z", "2025-12-29T12:00:00Z", "2026-01-04T12:00:00Z"), "weekly - newest+weekly"},
		{"months", history.Policy{Monthly: 2},
			nights("2026-01-31T12:00:00Z", "2026-02-01T12:00:00Z", "2026-02-28T12:00:00Z", "2026-03-01T12:00:00Z"), "- - monthly newest+monthly"},
		{"within is from the newest", history.Policy{Within: history.Span{Days: 1}}, three(), "- within_1d newest+within_1d"},
		{"within by the calendar", history.Policy{Within: history.Span{Days: 1}}, // this day has 23 hours
			nights("2026-03-28T11:00:00Z", "2026-03-28T11:00:01Z", "2026-03-29T10:00:00Z"), "within_1d within_1d newest+within_1d"},
		{"tags", history.Policy{Tags: []string{"move"}}, tag(three(), 0, "move"), "tag_move - newest"},
		{"a tag nobody asks for", history.Policy{Last: 1}, tag(three(), 0, "move"), "- - newest+last"},
		{"pinned", history.Policy{Last: 1}, tag(three(), 0, history.TagPinned), "pinned - newest+last"},
		{"a pinned checkpoint", history.Policy{Last: 1}, tag(checkpoint(three(), 0), 0, history.TagPinned), "pinned - newest+last"},
		{"before an alarm", history.Policy{Last: 1}, alarm(three(), 1), "last_before_it_shrank shrank,_not_acknowledged newest+last"},
		{"an alarm in the newest", history.Policy{Last: 1}, alarm(three(), 2),
			"- last_before_it_shrank newest+shrank,_not_acknowledged+last"},
		{"an acknowledged alarm", history.Policy{Last: 1}, tag(alarm(three(), 1), 1, history.TagAcknowledged), "- - newest+last"},
		{"two alarms", history.Policy{Last: 1}, alarm(three(), 1, 2),
			"last_before_it_shrank last_before_it_shrank+shrank,_not_acknowledged newest+shrank,_not_acknowledged+last"},
		{"a superseded checkpoint", history.Policy{Last: 9}, checkpoint(three(), 1), "last - newest+last"},
		{"an unfinished run", history.Policy{Last: 1}, checkpoint(three(), 1, 2), "newest+last unfinished_run unfinished_run"},
		{"checkpoints only", history.Policy{Last: 1}, checkpoint(three(), 0, 1, 2), "unfinished_run unfinished_run unfinished_run"},
		{"late is not committed", history.Policy{Last: 1}, late(three(), 2), "- newest+last -"},
		{"late is not the last good one", history.Policy{Last: 1}, late(alarm(three(), 2), 1),
			"last_before_it_shrank beside_a_loss,_not_acknowledged newest+shrank,_not_acknowledged+last"},
		{"a checkpoint before a loss", history.Policy{Last: 1}, checkpoint(alarm(three(), 2), 1),
			"last_before_it_shrank beside_a_loss,_not_acknowledged newest+shrank,_not_acknowledged+last"},
		{"of one time the larger hash is newer", history.Policy{Last: 1},
			nights("2026-03-01T02:00:00Z", "2026-03-01T02:00:00Z"), "- newest+last"},
	} {
		if got := describe(c.policy.Decide(c.list, berlin)); got != c.want {
			t.Errorf("%s:\n %s, want\n %s", c.name, got, c.want)
		}
	}
}

// These hold for every policy and every history: the order does not matter; manifests that no
// policy may remove are kept; a larger number keeps everything that a smaller one keeps; each rule
// keeps its number, if there are so many; and a second pass removes nothing more.
func TestRetentionProperties(t *testing.T) {
	zone, err := time.LoadLocation("America/St_Johns") // half an hour off, and with summer time
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		list, policy := anyHistory(rng), anyPolicy(rng)
		verdicts := policy.Decide(list, zone)
		mustStay(t, list, verdicts)

		order := rng.Perm(len(list))
		shuffled := make([]history.Run, len(list))
		for i, j := range order {
			shuffled[i] = list[j]
		}
		for i, v := range policy.Decide(shuffled, zone) {
			if v.Keep != verdicts[order[i]].Keep {
				t.Fatalf("the order of manifests decides: %+v %+v", policy, list)
			}
		}

		var left []history.Run
		for i := range list {
			if verdicts[i].Keep {
				left = append(left, list[i])
			}
		}
		for i, v := range policy.Decide(left, zone) {
			if !v.Keep && !strings.HasPrefix(strings.Join(verdicts[slices.IndexFunc(list, func(l history.Run) bool { return l.Hash == left[i].Hash })].Reasons, "+"), "oldest") {
				t.Fatalf("a second time %s goes as well: %+v\n%s\n%s", left[i].Time, policy, describe(verdicts), describe(policy.Decide(left, zone)))
			}
		}

		more := policy
		more.Daily, more.Last = more.Daily+1, more.Last+1
		if policy.Daily != history.Unlimited && policy.Last != history.Unlimited {
			for i, v := range more.Decide(list, zone) {
				oldest := strings.Contains(strings.Join(verdicts[i].Reasons, " "), "oldest")
				if verdicts[i].Keep && !v.Keep && !oldest {
					t.Fatalf("a larger number keeps less: %+v", policy)
				}
			}
		}
	}
}

func mustStay(t *testing.T, list []history.Run, verdicts []history.Verdict) {
	t.Helper()
	newest := -1
	for i := range list {
		if list[i].State == manifest.Complete && !list[i].Late && (newest < 0 || list[i].Time.After(list[newest].Time)) {
			newest = i
		}
	}
	for i := range list {
		pinned := slices.Contains(list[i].Tags, history.TagPinned)
		alarming := list[i].Alarm && list[i].State == manifest.Complete && !list[i].Late && !slices.Contains(list[i].Tags, history.TagAcknowledged)
		unfinished := list[i].State == manifest.Checkpoint && !list[i].Late && (newest < 0 || list[i].Time.After(list[newest].Time))
		if (pinned || alarming || unfinished || i == newest) && !verdicts[i].Keep {
			t.Fatalf("%+v goes", list[i])
		}
		if verdicts[i].Keep && len(verdicts[i].Reasons) == 0 {
			t.Fatalf("%+v stays without a reason", list[i])
		}
	}
}

func anyHistory(rng *rand.Rand) (list []history.Run) {
	at := time.Date(2024, 1, 1, 2, 0, 0, 0, time.UTC)
	for i := range rng.IntN(40) {
		at = at.Add(time.Millisecond + time.Duration(rng.Int64N(int64([]time.Duration{time.Hour, 48 * time.Hour, 2000 * time.Hour}[rng.IntN(3)]))))
		l := history.Run{Hash: [32]byte{byte(i)}, Time: at, State: manifest.Complete, Late: rng.IntN(15) == 0, Alarm: rng.IntN(10) == 0}
		if rng.IntN(4) == 0 {
			l.Dating = history.Belated
		}
		if rng.IntN(6) == 0 {
			l.State = manifest.Checkpoint
		}
		for _, tag := range []string{"a", history.TagPinned, history.TagAcknowledged} {
			if rng.IntN(12) == 0 {
				l.Tags = append(l.Tags, tag)
			}
		}
		list = append(list, l)
	}
	return list
}

func anyPolicy(rng *rand.Rand) (p history.Policy) {
	for _, n := range []*int{&p.Last, &p.Hourly, &p.Daily, &p.Weekly, &p.Monthly, &p.Yearly} {
		if rng.IntN(3) == 0 {
			*n = rng.IntN(8) - 1
		}
	}
	if rng.IntN(4) == 0 {
		p.Within = history.Span{Months: rng.IntN(3), Days: rng.IntN(40), Hours: rng.IntN(30)}
	}
	if rng.IntN(4) == 0 {
		p.Tags = []string{"a"}
	}
	return p
}

// For every history of up to seven manifests on four days and every number of days, the newest of
// each of the last days is kept, and the oldest if there are fewer days.
func TestRetentionDailyExhaustive(t *testing.T) {
	for bits := range 1 << 14 { // two bits a manifest: its day
		var list []history.Run
		days := map[int]int{} // day → newest
		for i := range 7 {
			day := bits >> (2 * i) & 3
			list = append(list, history.Run{
				Hash: [32]byte{byte(i)}, State: manifest.Complete,
				Time: time.Date(2026, 3, 1+day, 0, i, 0, 0, time.UTC),
			})
			days[day] = i
		}
		for number := 1; number <= 5; number++ {
			verdicts := (&history.Policy{Daily: number}).Decide(list, time.UTC)
			left, want := number, map[int]bool{}
			for day := 3; day >= 0 && left > 0; day-- {
				if i, ok := days[day]; ok {
					want[i] = true
					left--
				}
			}
			if left > 0 {
				oldest := slices.MinFunc(list, func(a, b history.Run) int { return a.Time.Compare(b.Time) })
				want[int(oldest.Hash[0])] = true
			}
			for i, v := range verdicts {
				if v.Keep != want[i] {
					t.Fatalf("days %014b, %d kept: manifest %d: %v, want %v", bits, number, i, v.Keep, want[i])
				}
			}
		}
	}
}

// Spans are read as users write them, and printed so that they are read again.
func TestSpan(t *testing.T) {
	for text, want := range map[string]history.Span{
		"30d": {Days: 30}, "8w": {Days: 56}, "1y6m": {Years: 1, Months: 6}, "1w1d": {Days: 8}, "12h": {Hours: 12},
	} {
		got, err := history.ParseSpan(text)
		if err != nil || got != want {
			t.Errorf("ParseSpan(%q) = %v, %v", text, got, err)
		}
		if again, err := history.ParseSpan(got.String()); err != nil || again != got {
			t.Errorf("%q is written %q, and read as %v, %v", text, got.String(), again, err)
		}
	}
	for _, text := range []string{"", "d", "3", "3x", "1d2d", "-1d", "0d", "1 d", "99999999999999999999d", "10001y", "5é"} {
		if s, err := history.ParseSpan(text); err == nil {
			t.Errorf("ParseSpan(%q) = %v", text, s)
		}
	}
}

func ExamplePolicy_Decide() {
	var list []history.Run
	for day := range 10 {
		list = append(list, history.Run{Hash: [32]byte{byte(day)}, Time: time.Date(2026, 3, 1+day, 2, 0, 0, 0, time.UTC), State: manifest.Complete})
	}
	policy := history.Policy{Daily: 3, Weekly: 2}
	for i, v := range policy.Decide(list, time.UTC) {
		if v.Keep {
			fmt.Println(list[i].Time.Format(time.DateOnly), strings.Join(v.Reasons, ", "))
		}
	}
	// Output:
	// 2026-03-08 daily, weekly
	// 2026-03-09 daily
	// 2026-03-10 newest, daily, weekly
}
