package inorder_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/internal/inorder"
)

var errOdd = errors.New("odd")

// Results come in the order of the items, though later items are done first, and never more than
// the limit are under way.
func TestOrderAndLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 5
		items := make([]int, 23)
		for i := range items {
			items[i] = i
		}
		var now, most atomic.Int64
		began := time.Now()
		var got []int
		for n, err := range inorder.Map(t.Context(), limit, inorder.Slice(items), func(_ context.Context, n int) (int, error) {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			time.Sleep(time.Duration(limit-n%limit) * time.Second)
			if n%2 == 1 {
				return n, errOdd
			}
			return n, nil
		}) {
			if (err == errOdd) != (n%2 == 1) {
				t.Errorf("%d: %v", n, err)
			}
			got = append(got, n)
		}
		if !slices.Equal(got, items) {
			t.Errorf("%v", got)
		}
		if most.Load() > limit {
			t.Errorf("%d at once, the limit is %d", most.Load(), limit)
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("%v, one after the other it is %v", took, 69*time.Second)
		}
	})
}

// When the caller stops, nothing is under way any more.
func TestStop(t *testing.T) {
	var now atomic.Int64
	for range inorder.Map(t.Context(), 8, inorder.Slice(make([]int, 100)), func(ctx context.Context, _ int) (int, error) {
		now.Add(1)
		defer now.Add(-1)
		return 0, ctx.Err()
	}) {
		break
	}
	if now.Load() != 0 {
		t.Errorf("%d calls are under way", now.Load())
	}
}

// A sequence that a context cut short ends with the cause, so that nobody takes it for the whole.
func TestCanceled(t *testing.T) {
	cause := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	var last error
	n := 0
	for _, err := range inorder.Map(ctx, 2, inorder.Slice(make([]int, 100)), func(context.Context, int) (int, error) { return 0, nil }) {
		if n++; n == 3 {
			cancel(cause)
		}
		last = err
	}
	if last != cause || n == 100 {
		t.Errorf("%d results, and then %v", n, last)
	}
}

// An error of the sequence comes in its turn.
func TestErrorOfSequence(t *testing.T) {
	items := func(yield func(int, error) bool) { _ = yield(1, nil) && yield(0, errOdd) && yield(2, nil) }
	var got []int
	var failed int
	for n, err := range inorder.Map(t.Context(), 2, items, func(_ context.Context, n int) (int, error) { return 10 * n, nil }) {
		if got = append(got, n); err != nil {
			failed = len(got)
		}
	}
	if !slices.Equal(got, []int{10, 0, 20}) || failed != 2 {
		t.Errorf("%v, error at %d", got, failed)
	}
}

// Overlap yields all results in order, works on several items at once, and runs the sequence
// between the results.
func TestOverlap(t *testing.T) {
	var under, most atomic.Int32
	pulled := 0 // not locked: the race detector sees another goroutine
	items := func(yield func(int, error) bool) {
		for i := range 100 {
			pulled++
			var err error
			if i == 50 {
				err = errors.New("one is missing")
			}
			if !yield(i, err) {
				return
			}
		}
	}
	double := func(_ context.Context, i int) (int, error) {
		most.Store(max(most.Load(), under.Add(1)))
		time.Sleep(time.Millisecond)
		under.Add(-1)
		return 2 * i, nil
	}
	n := 0
	for got, err := range inorder.Overlap(t.Context(), 4, items, double) {
		if want := 2 * n; (err != nil) != (n == 50) || err == nil && got != want {
			t.Fatalf("result %d is %d, %v", n, got, err)
		}
		if n++; pulled > n+4 {
			t.Fatalf("%d items taken for %d results", pulled, n)
		}
	}
	if n != 100 || most.Load() < 2 {
		t.Errorf("%d results, %d at once", n, most.Load())
	}
	for range inorder.Overlap(t.Context(), 4, items, double) {
		break
	}
	if under.Load() != 0 {
		t.Error("work goes on after the loop")
	}
}

// A panic of the work, or of the sequence, becomes a panic of the loop, after the results before
// it.
func TestPanicsReachTheLoop(t *testing.T) {
	work := func(_ context.Context, n int) (int, error) {
		if n == 2 {
			panic("odd work")
		}
		return n, nil
	}
	sequence := func(yield func(int, error) bool) {
		_ = yield(0, nil) && yield(1, nil)
		panic("odd sequence")
	}
	for name, results := range map[string]iter.Seq2[int, error]{
		"odd work":     inorder.Map(t.Context(), 3, inorder.Slice([]int{0, 1, 2, 3}), work),
		"odd sequence": inorder.Map(t.Context(), 3, sequence, work),
	} {
		var got []int
		func() {
			defer func() {
				if p, _ := recover().(string); !strings.HasPrefix(p, name+"\n") || !strings.Contains(p, "TestPanicsReachTheLoop") {
					t.Errorf("the loop recovers %q, want %s", p, name)
				}
			}()
			for n := range results {
				got = append(got, n)
			}
		}()
		if !slices.Equal(got, []int{0, 1}) {
			t.Errorf("%s: the loop gets %v", name, got)
		}
	}
	func() {
		defer func() {
			if p, _ := recover().(string); !strings.HasPrefix(p, "odd work\n") {
				t.Errorf("Overlap recovers %q", p)
			}
		}()
		for range inorder.Overlap(t.Context(), 3, inorder.Slice([]int{0, 1, 2, 3}), work) {
		}
	}()
}

// The items under way never weigh more than is given together, and a heavier one is under way
// alone. When the caller stops, none waits any more.
func TestWeight(t *testing.T) {
	const all = 10
	weights := []int64{3, 4, 3, 1, 10, 2, 25, 1, 1, 9, 2}
	var now, most atomic.Int64
	var got []int64
	weight := func(w int64) int64 { return w }
	for w, err := range inorder.MapWeighed(t.Context(), 8, all, weight, inorder.Slice(weights), func(_ context.Context, w int64) (int64, error) {
		most.Store(max(most.Load(), now.Add(min(w, all))))
		return w, nil
	}) {
		if err != nil {
			t.Error(err)
		}
		now.Add(-min(w, all))
		got = append(got, w)
	}
	if !slices.Equal(got, weights) {
		t.Errorf("%v", got)
	}
	if most.Load() > all || most.Load() < 8 {
		t.Errorf("items that weigh %d were under way at once", most.Load())
	}
	for range inorder.MapWeighed(t.Context(), 8, all, weight, inorder.Slice(weights), func(context.Context, int64) (int64, error) { return 0, errOdd }) {
		break
	}
}
