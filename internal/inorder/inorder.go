// Package inorder does work for the items of a sequence, on several of them at once, and yields the
// results in the order of the items. A store that is far away then costs one round trip for many
// objects.
package inorder

import (
	"context"
	"fmt"
	"iter"
	"runtime/debug"
	"sync"

	"golang.org/x/sync/semaphore"
)

// Map yields what do returns for each item, in the order of the items. It calls do for up to limit
// items at once, each in a goroutine, so it is up to limit items ahead of its caller. An error of
// the sequence is yielded in its turn, and the sequence goes on if it has more. If ctx ends, the
// last error is its cause. When the loop over the results ends, no call of do is under way. A panic
// of do or of the sequence becomes one of the loop, with a text that has its stack: so the loop can
// recover it, which is not possible in a goroutine of another.
func Map[T, R any](
	ctx context.Context, limit int, items iter.Seq2[T, error], do func(context.Context, T) (R, error),
) iter.Seq2[R, error] {
	return MapWeighed(ctx, limit, 0, func(T) int64 { return 0 }, items, do)
}

// MapWeighed is Map with a second limit, because items take memory: those under way together weigh
// at most what is given. An item is under way until the loop is done with its result. One that
// weighs more than all is under way alone.
func MapWeighed[T, R any](
	ctx context.Context, limit int, all int64, weight func(T) int64, items iter.Seq2[T, error],
	do func(context.Context, T) (R, error),
) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		working, cancel := context.WithCancel(ctx)
		m := &mapping[R]{turns: make(chan chan result[R], limit-1), room: semaphore.NewWeighted(all)}
		defer m.group.Wait()
		defer cancel()
		m.group.Go(func() {
			defer close(m.turns)
			defer func() { m.broken = panicked(recover()) }()
			for item, err := range items {
				weight := min(weight(item), all)
				if !m.start(working, weight, func() result[R] { return call(working, item, err, do) }) {
					return
				}
			}
		})
		for turn := range m.turns {
			r := <-turn
			if !yield(r.get()) {
				return
			}
			m.room.Release(r.weight)
		}
		if m.broken != "" {
			panic(m.broken)
		}
		if m.cut {
			var none R
			yield(none, context.Cause(ctx))
		}
	}
}

// mapping is a Map under way.
type mapping[R any] struct {
	turns chan chan result[R] // the results to come, in the order of the items
	group sync.WaitGroup
	room  *semaphore.Weighted // for the items under way
	cut   bool                // the context ended before the sequence; read after turns is closed

	broken string // the panic of the sequence; read after turns is closed
}

type result[R any] struct {
	value  R
	err    error
	broken string // the panic of do
	weight int64  // of the item
}

// get returns the result in the goroutine of the loop.
func (r *result[R]) get() (R, error) {
	if r.broken != "" {
		panic(r.broken)
	}
	return r.value, r.err
}

// call calls do for an item, unless the sequence has an error in its place.
func call[T, R any](ctx context.Context, item T, err error, do func(context.Context, T) (R, error)) (r result[R]) {
	if err != nil {
		return result[R]{err: err}
	}
	defer func() { r.broken = panicked(recover()) }()
	r.value, r.err = do(ctx, item)
	return r
}

// panicked returns a panic as a text with its stack, or an empty text if there was none.
func panicked(p any) string {
	if p == nil {
		return ""
	}
	return fmt.Sprintf("%v\n%s", p, debug.Stack())
}

// start does work in its turn, when there is room for it. It reports false if the context has
// ended.
func (m *mapping[R]) start(ctx context.Context, weight int64, work func() result[R]) bool {
	turn := make(chan result[R], 1)
	if ctx.Err() == nil && m.room.Acquire(ctx, weight) == nil {
		select {
		case m.turns <- turn:
			m.group.Go(func() {
				r := work()
				r.weight = weight
				turn <- r
			})
			return true
		case <-ctx.Done():
		}
	}
	m.cut = true
	return false
}

// Slice returns a sequence of the elements of a slice, without errors.
func Slice[T any](list []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, item := range list {
			if !yield(item, nil) {
				return
			}
		}
	}
}

// Overlap is Map for a sequence that must run in the goroutine of the loop over the results,
// because it uses what the loop changes. It is up to limit items ahead of the loop, and takes the
// next one only when the loop asks for a result.
func Overlap[T, R any](
	ctx context.Context, limit int, items iter.Seq2[T, error], do func(context.Context, T) (R, error),
) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		working, cancel := context.WithCancel(ctx)
		m := &mapping[R]{turns: make(chan chan result[R], limit)}
		defer m.group.Wait()
		defer cancel()
		next := func() bool {
			r := <-<-m.turns
			return yield(r.get())
		}
		for item, err := range items {
			if len(m.turns) == limit && !next() {
				return
			}
			turn := make(chan result[R], 1)
			m.turns <- turn
			m.group.Go(func() { turn <- call(working, item, err, do) })
		}
		for len(m.turns) > 0 {
			if !next() {
				return
			}
		}
	}
}
