package repo_test

import (
	"math"
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

// A rolling check reads every pack within its period, and not much more, however irregularly it is
// called.
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
		rolling, err := r.Rolling(t.Context(), repo.Share{}, period)
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

// Rolling checks of shares read every pack within the period too, each its own, and leave a record
// each.
func TestRollingCheckOfShares(t *testing.T) {
	const period, shares = 20 * 24 * time.Hour, 3
	store := new(storetest.Memory)
	r := mustInit(t, store, repo.InitOptions{NoSeal: true})
	read := map[repo.Pack]int{}
	var packs []repo.Pack
	for range 300 {
		packs = append(packs, somePack())
	}
	for range 20 + 1 { // a fraction of the ring is rounded down
		for n := range shares {
			share := repo.Share{N: n + 1, Of: shares}
			rolling, err := r.Rolling(t.Context(), share, period)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range packs {
				if rolling.Holds(p) && share.Has(p.String()) {
					read[p]++
				}
			}
			if err := r.Rolled(t.Context(), rolling); err != nil {
				t.Fatal(err)
			}
		}
		store.Advance(24 * time.Hour)
	}
	for _, p := range packs {
		if read[p] < 1 || read[p] > 2 {
			t.Errorf("%s was read %d times", p, read[p])
		}
	}
	if n := objectsIn(store, "checks/"); n != shares {
		t.Errorf("%d check objects are left, want one a share", n)
	}
	mustBeSound(t, r)
}

// Each object is in one share, all manifests of an account in the same, and none without a hash is
// left out.
func TestShare(t *testing.T) {
	names := []string{"junk", "keys/owner", "manifests/odd", "manifests/0123/x"}
	for range 1000 {
		names = append(names, somePack().String())
	}
	for _, name := range names {
		in := 0
		for n := range 4 {
			if (repo.Share{N: n + 1, Of: 4}).Has(name) {
				in++
			}
		}
		if in != 1 || !(repo.Share{}).Has(name) || !(repo.Share{N: 1, Of: 1}).Has(name) {
			t.Errorf("%s is in %d shares", name, in)
		}
	}
	const account = "manifests/78daaeeff3a34156b10b2c090f3a4707/"
	for _, manifest := range []string{account + "fffffe5ddb497e8a-" + strings.Repeat("0", 64), account + "fffffe5ddb498279-" + strings.Repeat("f", 64)} {
		if !(repo.Share{N: 0x56%8 + 1, Of: 8}).Has(manifest) {
			t.Errorf("%s is in another share than its account", manifest)
		}
	}
	if !(repo.Share{N: 2, Of: 8}).Has("data/4000000000000009" + strings.Repeat("0", 48)) {
		t.Error("the example of docs/format.md is in another share")
	}
}

// A check object with a time in the future is ignored. Otherwise rolling checks would read nothing
// until then.
func TestRollingCheckIgnoresFutureTime(t *testing.T) {
	const period = 10 * 24 * time.Hour
	store := new(storetest.Memory)
	r := mustInit(t, store, repo.InitOptions{NoSeal: true})
	store.Advance(100 * 24 * time.Hour)
	rolling, err := r.Rolling(t.Context(), repo.Share{}, period)
	if err == nil {
		err = r.Rolled(t.Context(), rolling)
	}
	if err != nil {
		t.Fatal(err)
	}
	store.Advance(-50 * 24 * time.Hour)
	if rolling, err = r.Rolling(t.Context(), repo.Share{}, period); err != nil || rolling.HashRange == (repo.HashRange{}) || !rolling.Last.IsZero() {
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

// A rolling check that is not recorded, because it found damage, is repeated: the next one reads
// the same packs, and more. So does the first one of a repository.
func TestRollingCheckIsRepeated(t *testing.T) {
	const period = 30 * 24 * time.Hour
	store := new(storetest.Memory)
	r := mustInit(t, store, repo.InitOptions{NoSeal: true})
	for lap := range 3 {
		first, err := r.Rolling(t.Context(), repo.Share{}, period)
		if err != nil {
			t.Fatal(err)
		}
		store.Advance(24 * time.Hour)
		again, err := r.Rolling(t.Context(), repo.Share{}, period)
		if err != nil {
			t.Fatal(err)
		}
		from, length := first.Span()
		fromAgain, lengthAgain := again.Span()
		if length == 0 || fromAgain != from || lengthAgain < length {
			t.Errorf("lap %d: %x and %x long, then %x and %x long", lap, from, length, fromAgain, lengthAgain)
		}
		if err := r.Rolled(t.Context(), again); err != nil {
			t.Fatal(err)
		}
		store.Advance(24 * time.Hour)
	}
	if _, length := repo.AllPacks.Span(); length != math.MaxUint64 {
		t.Errorf("all packs are %x long", length)
	}
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
