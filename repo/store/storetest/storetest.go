package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/repo/store"
)

// Run tests every promise of store.Store. Each call of open returns a new, empty store.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for name, test := range map[string]func(*testing.T, store.Store){
		"a round trip of every size":       roundTrip,
		"a large object":                   large,
		"put never replaces":               neverReplaces,
		"one winner of many":               oneWinner,
		"the same bytes many times":        sameBytes,
		"nothing is visible before all is": atomic,
		"a failing body leaves nothing":    failingBody,
		"ranges":                           ranges,
		"names":                            names,
		"listing is ordered":               listOrder,
		"listing by prefix":                listPrefix,
		"listing many objects":             listMany,
		"delete":                           deletes,
		"the clock":                        clock,
		"a canceled context":               canceled,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func deletes(t *testing.T, s store.Store) {
	put(t, s, "d/1", []byte("x"))
	put(t, s, "d/2", []byte("x"))
	for range 2 { // the second time there is no such object
		if err := s.Delete(t.Context(), "d/1"); err != nil {
			t.Error(err)
		}
	}
	if err := s.Delete(t.Context(), "never/was"); err != nil {
		t.Error(err)
	}
	if _, _, err := s.Get(t.Context(), "d/1", 0, -1); !errors.Is(err, store.ErrNotExist) {
		t.Errorf("Get of a deleted object: %v, want ErrNotExist", err)
	}
	if got := list(t, s, ""); !slices.Equal(got, []string{"d/2"}) {
		t.Errorf("left: %v", got)
	}
	put(t, s, "d/1", []byte("other")) // the name is free again
	if got := get(t, s, "d/1"); string(got) != "other" {
		t.Errorf("put after delete holds %q", got)
	}
}

func clock(t *testing.T, s store.Store) {
	const second = 2 * time.Second // times are rounded to a second, so two of them can differ by nearly two
	before := now(t, s)
	put(t, s, "dated", []byte("x"))
	after := now(t, s)
	if after.Before(before.Add(-second)) {
		t.Errorf("the clock went back from %v to %v", before, after)
	}
	made := find(t, s, "dated").Time
	if made.Before(before.Add(-second)) || made.After(after.Add(second)) {
		t.Errorf("the time is %v, which is not between %v and %v", made, before, after)
	}
	put(t, s, "dated", []byte("x"))
	if again := find(t, s, "dated").Time; !again.Equal(made) {
		t.Errorf("putting the same bytes again changed the time from %v to %v", made, again)
	}
}

func canceled(t *testing.T, s store.Store) {
	put(t, s, "there", []byte("x"))
	ctx, cancel := context.WithCancel(t.Context())
	body := &pattern{past: 1 << 20, hook: func() error { cancel(); return nil }}
	if err := s.Put(ctx, "half", body, 16<<20); !errors.Is(err, context.Canceled) {
		t.Errorf("a canceled Put: %v", err)
	}
	if err := putBytes(ctx, s, "new", []byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("Put: %v", err)
	}
	if _, _, err := s.Get(ctx, "there", 0, -1); !errors.Is(err, context.Canceled) {
		t.Errorf("Get: %v", err)
	}
	if err := s.Delete(ctx, "there"); !errors.Is(err, context.Canceled) {
		t.Errorf("Delete: %v", err)
	}
	if _, err := s.Now(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Now: %v", err)
	}
	for _, err := range s.List(ctx, "") {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("List: %v", err)
		}
	}
	if got := list(t, s, ""); !slices.Equal(got, []string{"there"}) {
		t.Errorf("afterwards there are %v", got)
	}
}
