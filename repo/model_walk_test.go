package repo_test

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/repo"
)

// walk steps two writers, two pruners that merge, and one forget at random. Each can be suspended
// for any time between two operations, can crash anywhere, and is started again when it has ended.
// walk reports whether the chunk was lost.
func (m *model) walk(rng *rand.Rand, steps int) bool {
	roles := []struct {
		name string
		work func(context.Context, *repo.Repo) error
	}{{"W0", m.write}, {"W1", m.write}, {"P0", m.prune}, {"P1", m.prune}, {"F", m.forget}}
	processes, caches := make([]*process, len(roles)), make([]string, len(roles))
	for i := range caches {
		caches[i] = m.cacheDir() // a host keeps its cache
	}
	at := 0
	if rng.IntN(4) > 0 { // most walks begin where the stories do
		processes[0] = m.unneeded()
	}
	defer func() {
		for _, p := range processes {
			if p != nil {
				p.crash() // if it has not ended
			}
		}
	}()
	for range steps {
		switch n := rng.IntN(100); {
		case n < 4:
			m.tick([]time.Duration{time.Minute, 5 * time.Hour, 11 * time.Hour, 13 * time.Hour, day}[rng.IntN(5)])
			continue
		case n < 16:
			at = rng.IntN(len(roles))
		}
		p := processes[at]
		if p == nil || p.next() == nil {
			processes[at] = m.start(roles[at].name, caches[at], roles[at].work)
			continue
		}
		if rng.IntN(200) == 0 {
			p.crash()
			continue
		}
		op := p.next()
		p.step()
		if (op.kind == "delete" || strings.HasPrefix(op.name, "manifests/")) && m.lost() {
			return true
		}
		if p.next() == nil {
			at = rng.IntN(len(roles))
		}
	}
	for _, p := range processes {
		if p != nil {
			p.finish()
		}
	}
	return m.lost()
}

// walkSteps is the number of operations and passages of time in a walk, enough for about six
// processes.
const walkSteps = 200

// walks returns the number of random walks: MAILSTRATA_WALKS, or the given number.
func walks(usual int) int {
	if n, err := strconv.Atoi(os.Getenv("MAILSTRATA_WALKS")); err == nil {
		return n
	}
	return usual
}

// With all rules in force, no walk loses the chunk, and at the end of each another host reads it.
func TestNoWalkLosesTheChunk(t *testing.T) {
	for seed := range uint64(walks(12)) {
		synctest.Test(t, func(t *testing.T) {
			m := newModel(t, "")
			lost := m.walk(rand.New(rand.NewPCG(seed, 9)), walkSteps)
			if !lost && len(m.committed()) > 0 {
				host := repo.On(m.base, m.store, m.cacheDir())
				defer host.Close()
				if _, err := host.Reader(repo.ReaderOptions{}).Chunk(t.Context(), m.id); err != nil {
					t.Errorf("the chunk cannot be read: %v", err)
					lost = true
				}
				mustBeSound(t, host)
			}
			if lost {
				t.Fatalf("walk %d loses the chunk:\n\t%s", seed, m.history())
			}
		})
	}
}

// Without a rule, random walks find a loss. That takes many, so they run only if MAILSTRATA_WALKS
// is set.
func TestWalksFindWhatRulesPrevent(t *testing.T) {
	if os.Getenv("MAILSTRATA_WALKS") == "" {
		t.Skip("MAILSTRATA_WALKS is not set")
	}
	run := mutant(t)
	for _, rule := range []string{"root grace", "order of listing", "second look", "deadline", "late is no parent", "unique names", "L < G", "condemnations are read"} {
		t.Run(rule, func(t *testing.T) { run(t, rule, "^TestWalksWithoutARule$") })
	}
}

func TestWalksWithoutARule(t *testing.T) {
	rule := os.Getenv(withoutRule)
	if rule == "" {
		t.Skip("TestWalksFindWhatRulesPrevent runs this in a mutated binary")
	}
	for seed := range walks(0) {
		found := false
		synctest.Test(t, func(t *testing.T) {
			found = newModel(t, rule).walk(rand.New(rand.NewPCG(uint64(seed), 9)), walkSteps)
		})
		if found {
			t.Logf("found by walk %d", seed)
			return
		}
	}
	t.Logf("not found by %d walks", walks(0))
}
