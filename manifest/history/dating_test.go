package history_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/manifest/history"
)

// kept returns the hashes of the manifests that a policy keeps.
func kept(p *history.Policy, list []history.Run) map[[32]byte]bool {
	stay := map[[32]byte]bool{}
	for i, v := range p.Decide(list, time.UTC) {
		if v.Keep {
			stay[list[i].Hash] = true
		}
	}
	return stay
}

// dayOf returns a complete manifest of an hour of a day.
func dayOf(hash byte, day, hour int, dating history.Dating) history.Run {
	return history.Run{Hash: [32]byte{hash}, State: manifest.Complete, Time: time.Date(2026, 3, 1+day, hour, 0, 0, 0, time.UTC), Dating: dating}
}

// smallPolicies returns policies with rules of every kind.
func smallPolicies() (all []history.Policy) {
	for n := 1; n <= 3; n++ {
		all = append(all, history.Policy{Last: n}, history.Policy{Daily: n}, history.Policy{Hourly: n}, history.Policy{Weekly: n},
			history.Policy{Within: history.Span{Days: n}}, history.Policy{Daily: n, Monthly: n})
	}
	return all
}

// For every history of up to four manifests in time on four days, and up to three that are dated
// back to any hour of them, no policy removes one in time because of the others. If none is in
// time, the policy applies to all alike.
func TestNothingDatedBackDisplaces(t *testing.T) {
	policies := smallPolicies()
	for honest := range 1 << 4 {
		for forged := range 1 << 9 { // three bits each: a day and whether it is late on that day
			var inTime, all, belated []history.Run
			for day := range 4 {
				if honest>>day&1 == 1 {
					inTime = append(inTime, dayOf(byte(day), day, 3, history.InTime))
				}
			}
			all = slices.Clone(inTime)
			for i := range 3 {
				f := forged >> (3 * i) & 7
				l := dayOf(byte(10+i), f>>1, 1+f&1*20+i, history.Belated)
				all, belated = append(all, l), append(belated, l)
			}
			for _, p := range policies {
				with, without := kept(&p, all), kept(&p, inTime)
				for hash := range without {
					if !with[hash] {
						t.Fatalf("%+v forgets manifest %d because of belated ones: %+v", p, hash[0], all)
					}
				}
				for i := range belated {
					belated[i].Dating = history.InTime
				}
				as := kept(&p, belated)
				for i := range belated {
					belated[i].Dating = history.Belated
				}
				if got := kept(&p, belated); len(got) != len(as) {
					t.Fatalf("%+v keeps %d of belated manifests alone, and %d of others", p, len(got), len(as))
				}
			}
		}
	}
}

// While a manifest is misdated, every policy keeps all manifests of the account, and the misdated
// one can be named.
func TestRetentionStopsForAMisdatedManifest(t *testing.T) {
	list := []history.Run{dayOf(1, 0, 3, 0), dayOf(2, 1, 3, 0), dayOf(3, 2, 3, 0), dayOf(4, 20000, 3, history.Misdated)}
	list[1].State, list[0].Late = manifest.Checkpoint, true
	for _, p := range append(smallPolicies(), history.Policy{}) {
		for i, v := range p.Decide(list, time.UTC) {
			if !v.Keep || v.Firm || len(v.Reasons) == 0 {
				t.Errorf("%+v: manifest %d: %+v", p, i, v)
			}
		}
		without := kept(&p, list[:3])
		if without[[32]byte{1}] || without[[32]byte{2}] {
			t.Errorf("%+v keeps what was never committed when nothing is misdated: %v", p, without)
		}
	}
}

// Misdated manifests and those dated back do not change what "latest" and a day name, if one is in
// time.
func TestRefsOfForgedTimes(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	now := time.Date(2026, 3, 10, 18, 0, 0, 0, time.UTC)
	for range 5000 {
		var list []history.Candidate
		for i := range 1 + rng.IntN(6) {
			list = append(list, history.Candidate{Hash: [32]byte{byte(i)}, Time: now.AddDate(0, 0, -1-rng.IntN(9)).Add(time.Duration(i))})
		}
		forged := slices.Clone(list)
		for i := range 1 + rng.IntN(4) {
			forged = append(forged, history.Candidate{Hash: [32]byte{byte(100 + i)}, Time: now.AddDate(0, rng.IntN(1000), 1), Dating: history.Misdated})
			oldest := slices.MinFunc(list, func(a, b history.Candidate) int { return a.Time.Compare(b.Time) }).Time
			forged = append(forged, history.Candidate{
				Hash: [32]byte{byte(200 + i)}, Dating: history.Belated, Time: oldest.Add(time.Duration(rng.Int64N(int64(now.Sub(oldest))))),
			})
		}
		for _, text := range []string{"2026-03-04", "yesterday", "sunday", "2026-03-08T12:00"} {
			ref, err := history.ParseRef(text, now)
			if err != nil {
				t.Fatal(err)
			}
			i, err := ref.Pick(list)
			j, errForged := ref.Pick(forged)
			if err == nil && (errForged != nil || list[i].Hash != forged[j].Hash) {
				t.Fatalf("%s names manifest %d of %+v, and %d, %v of %+v", text, i, list, j, errForged, forged)
			}
		}
		latest, err := history.ParseRef("latest", now)
		if err != nil {
			t.Fatal(err)
		}
		if i, err := latest.Pick(forged); err != nil || forged[i].Dating == history.Misdated {
			t.Fatalf("latest is %d, %v of %+v", i, err, forged)
		}
		named, err := history.ParseRef("6400", now)
		if err != nil {
			t.Fatal(err)
		}
		if i, err := named.Pick(forged); err != nil || forged[i].Dating != history.Misdated {
			t.Fatalf("a misdated manifest cannot be named: %d, %v", i, err)
		}
	}
	only := []history.Candidate{{Time: now.AddDate(0, 0, 9), Dating: history.Misdated}}
	if latest, _ := history.ParseRef("latest", now); latest.String() != "latest" {
		t.Error(latest)
	} else if _, err := latest.Pick(only); !errors.Is(err, history.ErrNoMatch) {
		t.Errorf("of a misdated manifest alone, latest is %v", err)
	}
}

// A confirmed manifest is the one of its day, beside those in time. In a repository without any in
// time, it does not take the day of another.
func TestTheDayOfAConfirmedManifest(t *testing.T) {
	for _, c := range []struct {
		others history.Dating
		dating history.Dating
		want   map[string]int // by day
	}{
		{history.InTime, history.Belated, map[string]int{"2026-03-01": 0, "2026-03-02": 0, "2026-03-03": 2}},
		{history.InTime, history.Confirmed, map[string]int{"2026-03-01": 0, "2026-03-02": 1, "2026-03-03": 2}},
		{history.Belated, history.Confirmed, map[string]int{"2026-03-01": 0, "2026-03-02": 1, "2026-03-03": 2}},
	} {
		var list []history.Candidate
		for day, dating := range []history.Dating{c.others, c.dating, c.others} {
			at := time.Date(2026, 3, 1+day, 3, 0, 0, 0, time.UTC)
			list = append(list, history.Candidate{Account: "a", Hash: [32]byte{byte(day)}, Time: at, Dating: dating})
		}
		for day, want := range c.want {
			ref, err := history.ParseRef(day, time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := ref.Pick(list); err != nil || got != want {
				t.Errorf("%v among %v, %s: %d, %v", c.dating, c.others, day, got, err)
			}
		}
	}
}
