package storetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/repo/store"
)

// listOrder has names that a walk of directories would yield in another order: '-' and '.' sort
// before '/', digits and letters after it.
func listOrder(t *testing.T, s store.Store) {
	want := []string{
		"x-1", "x-1.a", "x.1", "x/-", "x/.a", "x/1/2", "x/1/a/b", "x/10", "x/9", "x1", "x1-/0", "xx/1", "y/0",
	}
	for _, i := range rand.Perm(len(want)) {
		put(t, s, want[i], nil)
	}
	if got := list(t, s, ""); !slices.Equal(got, want) {
		t.Errorf("listed: %q\nwant:   %q", got, want)
	}
}

func listPrefix(t *testing.T, s store.Store) {
	all := []string{"index/0a", "packs/3/f", "packs/3a/1", "packs/3a/2", "packs/3b/1", "packs3", "pacs/1"}
	for _, name := range all {
		put(t, s, name, []byte("x"))
	}
	for _, prefix := range []string{
		"", "p", "packs", "packs/", "packs/3", "packs/3/", "packs/3a", "packs/3a/", "packs/3a/1", "packs/3a/1/",
		"packs/3a/11", "packs3", "none", "none/", "index/0", "z", "a",
	} {
		want := slices.DeleteFunc(slices.Clone(all), func(s string) bool { return !strings.HasPrefix(s, prefix) })
		if got := list(t, s, prefix); !slices.Equal(got, want) {
			t.Errorf("prefix %q lists %q, want %q", prefix, got, want)
		}
	}
}

func listMany(t *testing.T, s store.Store) {
	const n = 2500 // more than two pages of 1,000
	var want []string
	var g errgroup.Group
	g.SetLimit(16)
	for i := range n {
		name := fmt.Sprintf("many/%02x/%04d", i%7, i)
		want = append(want, name)
		g.Go(func() error { return putBytes(t.Context(), s, name, []byte(name)) })
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	if got := list(t, s, "many/"); !slices.Equal(got, want) {
		t.Errorf("%d names were listed, want %d in order", len(got), len(want))
	}
	for _, stop := range []int{1, 999, 1000, 1001} {
		listSome(t, s.List(t.Context(), "many/"), want, stop)
	}
	for _, stop := range []int{1, 7, 8, 9, 100} {
		listSome(t, store.ListFew(t.Context(), s, "many/"), want, stop)
	}
	canceledList(t, s, n)
}

// listSome reads a listing of the wanted names, and stops after some.
func listSome(t *testing.T, listing iter.Seq2[store.Object, error], want []string, stop int) {
	t.Helper()
	seen := 0
	for o, err := range listing {
		if err != nil {
			t.Fatal(err)
		}
		if o.Name != want[seen] || o.Size != int64(len(o.Name)) {
			t.Fatalf("object %d is %s of %d bytes, want %s", seen, o.Name, o.Size, want[seen])
		}
		if seen++; seen == stop {
			return
		}
	}
	t.Errorf("%d objects were listed, want %d", seen, stop)
}

// canceledList cancels a listing. It may still come to its end, but if it ends without an error, it
// is complete.
func canceledList(t *testing.T, s store.Store, whole int) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen, failed := 0, false
	for _, err := range s.List(ctx, "many/") {
		cancel()
		if failed {
			t.Fatal("List yields something after an error")
		}
		if failed = err != nil; !failed {
			seen++
		} else if !errors.Is(err, context.Canceled) {
			t.Errorf("a canceled List: %v", err)
		}
	}
	if !failed && seen < whole {
		t.Errorf("a canceled List ended after %d objects of %d without an error", seen, whole)
	}
}
