package repo_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

func somePack() (p repo.Pack) {
	for i := range p.Hash {
		p.Hash[i] = byte(rand.Uint32())
	}
	return p
}

// A rolling check reads every pack within its period, and not much more, however irregularly it is called.
func TestRollingCheckReadsEveryPackWithinItsPeriod(t *testing.T) {
	const period = 30 * 24 * time.Hour
	store := new(storetest.Memory)
	r := mustInit(t, store, repo.InitOptions{NoSeal: true})
	rng := rand.New(rand.NewPCG(1, 2))
	packs := map[repo.Pack]time.Duration{} // when each was last read, or was added
	for range 500 {
		packs[somePack()] = 0
	}
	var now time.Duration
	reads := 0
	for now < 4*period {
		rolling, err := r.Rolling(t.Context(), period)
		if err != nil {
			t.Fatal(err)
		}
		for p, last := range packs {
			if rolling.Holds(p) {
				packs[p] = now
				reads++
			} else if now-last > period+time.Minute { // a fraction of the ring is rounded down
				t.Fatalf("a pack was not read for %s", now-last)
			}
		}
		if err := r.Rolled(t.Context(), rolling); err != nil {
			t.Fatal(err)
		}
		packs[somePack()] = now
		pause := time.Duration(rng.Int64N(int64(3 * 24 * time.Hour)))
		store.Advance(pause)
		now += pause
	}
	if reads > 5*(500+len(packs)) {
		t.Errorf("%d reads of %d packs in four periods", reads, len(packs))
	}
	if n := objectsIn(store, "checks/"); n != 1 {
		t.Errorf("%d check objects are left", n)
	}
	mustBeSound(t, r)
}

// A check object with a time in the future is ignored. Otherwise rolling checks would read nothing until then.
func TestRollingCheckIgnoresFutureTime(t *testing.T) {
	const period = 10 * 24 * time.Hour
	store := new(storetest.Memory)
	r := mustInit(t, store, repo.InitOptions{NoSeal: true})
	store.Advance(100 * 24 * time.Hour)
	rolling, err := r.Rolling(t.Context(), period)
	if err == nil {
		err = r.Rolled(t.Context(), rolling)
	}
	if err != nil {
		t.Fatal(err)
	}
	store.Advance(-50 * 24 * time.Hour)
	if rolling, err = r.Rolling(t.Context(), period); err != nil || rolling.HashRange == (repo.HashRange{}) || !rolling.Last.IsZero() {
		t.Fatalf("%+v: %v", rolling, err)
	}
	held := 0
	for range 1000 {
		if rolling.Holds(somePack()) {
			held++
		}
	}
	if held == 0 {
		t.Error("nothing is read")
	}
}

func objectsIn(store *storetest.Memory, folder string) (n int) {
	for _, name := range store.Names() {
		if strings.HasPrefix(name, folder) {
			n++
		}
	}
	return n
}

func TestHashRange(t *testing.T) {
	held := 0
	share := repo.RandomRange(0.25)
	for range 10000 {
		p := somePack()
		if share.Holds(p) {
			held++
		}
		if (repo.HashRange{}).Holds(p) || !repo.AllPacks.Holds(p) || !repo.RandomRange(1).Holds(p) {
			t.Fatal("the zero range holds a pack, or AllPacks does not")
		}
	}
	if held < 2200 || held > 2800 {
		t.Errorf("a quarter of the ring holds %d of 10,000 packs", held)
	}
}
