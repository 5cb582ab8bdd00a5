package repo_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

func segments(store *storetest.Memory) (names []string) {
	for _, name := range store.Names() {
		if strings.HasPrefix(name, "index/") {
			names = append(names, name)
		}
	}
	return names
}

// After many runs few segments are left, which have all entries. A host with a cache fetches only
// new ones.
func TestPruneMergesTheIndex(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, sealedOptions())
	all := content{}
	const nights = 25
	most := 0
	for night := range uint64(nights) {
		c, _, _ := mustBackup(t, r, "me", night+1, 3)
		for id := range c {
			all[id] = c[id]
		}
		if night%5 == 4 {
			prune(t, r, repo.PruneOptions{MaxUnused: 1})
		}
		store.Advance(25 * time.Hour)
		most = max(most, len(segments(store)))
	}
	for range 3 {
		prune(t, r, repo.PruneOptions{MaxUnused: 1})
		store.Advance(25 * time.Hour)
	}
	if n := len(segments(store)); n > 16 || most > 24 {
		t.Errorf("%d segments are left, and there were up to %d", n, most)
	}
	for _, host := range []*repo.Repo{r, reopen(t, store, r)} {
		mustRead(t, host, all)
		mustBeSound(t, host)
	}
}

// No merged segment is larger than the format allows, and large segments are not written again to
// merge small ones.
func TestMergedSegmentsKeepWithinTheLimits(t *testing.T) {
	for name, limit := range map[string][2]int{"packs": {6, 1 << 16}, "entries": {1 << 16, 250}} {
		t.Run(name, func(t *testing.T) {
			store := new(storetest.Memory)
			r := mustInit(t, store, repo.InitOptions{NoSeal: true})
			repo.LimitSegments(t, limit[0], limit[1])
			var all []chunk.Prefix
			merged := 0
			const nights = 40
			for night := range uint64(nights) {
				_, prefixes, err := repo.PutSegment(t.Context(), r, night+1, 40) // one pack
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, prefixes...)
				merged += prune(t, r, repo.PruneOptions{MaxUnused: 1}).Segments.Objects
				store.Advance(25 * time.Hour)
			}
			withinLimits(t, r, limit)
			if n := len(segments(store)); n > nights/2 || merged > nights {
				t.Errorf("of %d segments %d are left, and %d were merged", nights, n, merged)
			}
			host := reopen(t, store, r)
			for _, prefix := range all {
				if n, err := repo.Places(t.Context(), host, prefix); n == 0 || err != nil {
					t.Fatalf("chunk %s is in %d places: %v", prefix, n, err)
				}
			}
		})
	}
}

// The segments that Reindex makes keep within the limits of the format.
func TestReindexKeepsWithinTheLimits(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, repo.InitOptions{NoSeal: true})
	all := content{}
	for night := range uint64(12) {
		c, _, _ := mustBackup(t, r, "me", night+1, 3)
		for id := range c {
			all[id] = c[id]
		}
	}
	for _, name := range segments(store) {
		if err := store.Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	again := reopen(t, store, r)
	repo.LimitSegments(t, 5, 1<<16)
	if packs, err := again.Reindex(t.Context(), func(p repo.Problem) { t.Error(p) }); err != nil || packs < 12 {
		t.Fatal(packs, err)
	}
	withinLimits(t, again, [2]int{5, 1 << 16})
	mustRead(t, again, all)
}

func withinLimits(t *testing.T, r *repo.Repo, limit [2]int) {
	t.Helper()
	sizes, err := repo.SegmentSizes(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range sizes {
		if size[0] > limit[0] || size[1] > limit[1] {
			t.Errorf("a segment of %d packs and %d entries, where %v are allowed", size[0], size[1], limit)
		}
	}
}

// A host whose segments were merged by another fetches the merged segment, and nothing else.
func TestMergedSegmentsAreNotFetchedAgain(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, repo.InitOptions{NoSeal: true})
	all := content{}
	for night := range uint64(20) {
		c, _, _ := mustBackup(t, r, "me", night+1, 3)
		for id := range c {
			all[id] = c[id]
		}
	}
	var mu sync.Mutex
	fetched := map[string]int{}
	watched := &storetest.Faulty{Store: store, Fail: func(op storetest.Op) storetest.Fault {
		if op.Kind == "get" && strings.HasPrefix(op.Name, "index/") {
			mu.Lock()
			defer mu.Unlock()
			fetched[op.Name]++
		}
		return storetest.None
	}}
	host := repo.On(r, watched, t.TempDir())
	mustRead(t, host, all)
	if len(fetched) != 20 {
		t.Errorf("%d segments fetched", len(fetched))
	}
	clear(fetched)
	before := segments(store)
	for range 2 {
		store.Advance(day)
		prune(t, r, repo.PruneOptions{MaxUnused: 1})
	}
	for _, name := range segments(store) {
		if slices.Contains(before, name) {
			t.Errorf("%s is still there", name)
		}
	}
	c, _, _ := mustBackup(t, host, "me", 100, 3)
	mustRead(t, host, c)
	mustRead(t, host, all)
	if len(fetched) != len(segments(store))-1 { // all but the host's own
		t.Errorf("of %d segments %d were fetched", len(segments(store)), len(fetched))
	}
}

// Prune deletes no input of a merged segment that is damaged or lacks entries of its inputs,
// wherever the damage is.
func TestInputsOfADamagedMergeStay(t *testing.T) {
	for _, sixteenth := range []int{1, 5, 9, 13, 15} {
		inputsOfADamagedMergeStay(t, func(size int) int { return size * sixteenth / 16 })
	}
}

func inputsOfADamagedMergeStay(t *testing.T, damaged func(size int) int) {
	t.Helper()
	store := new(storetest.Memory)
	r := mustInit(t, store, repo.InitOptions{NoSeal: true})
	all := content{}
	for night := range uint64(10) {
		c, _, _ := mustBackup(t, r, "me", night+1, 3)
		for id := range c {
			all[id] = c[id]
		}
	}
	before := segments(store)
	prune(t, r, repo.PruneOptions{MaxUnused: 1})
	for _, name := range segments(store) {
		if !slices.Contains(before, name) {
			b := store.Bytes(name)
			b[damaged(len(b))] ^= 1
			store.Replace(name, b)
		}
	}
	for range 2 {
		store.Advance(day)
		report, err := reopenAny(t, store, r).Prune(t.Context(), repo.PruneOptions{MaxUnused: 1}, walkOf(r))
		if err != nil {
			t.Fatal(err)
		}
		if report.Replaced.Objects > 0 {
			t.Fatalf("%+v", report)
		}
	}
	for _, name := range before {
		if !slices.Contains(store.Names(), name) {
			t.Errorf("%s is gone", name)
		}
	}
	mustRead(t, reopenAny(t, store, r), all)
}

func TestEntriesOfDeletedPacksAreDropped(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, repo.InitOptions{NoSeal: true})
	var kept []content
	for night := range uint64(12) {
		c, h, _ := mustBackup(t, r, fmt.Sprint(night), night+1, 3)
		if night%2 == 0 {
			mustMark(t, r, h)
			continue
		}
		kept = append(kept, c)
	}
	size := bytesIn(t, store, "index/")
	for range 6 {
		store.Advance(day)
		prune(t, r, repo.PruneOptions{MaxUnused: 1})
	}
	if now := bytesIn(t, store, "index/"); now > size {
		t.Errorf("the index has %d bytes, and had %d", now, size)
	}
	fresh := reopenAny(t, store, r)
	for _, c := range kept {
		mustRead(t, fresh, c)
	}
	mustBeSound(t, fresh)
}
