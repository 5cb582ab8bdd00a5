package s3_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/s3"
)

// long fills a fake with n objects that are named by hashes, and some others.
func long(f *fake, n int) (names []string) {
	f.page = 10
	for i := range n {
		f.objects[fmt.Sprintf("data/%x", sha256.Sum256(fmt.Append(nil, i)))] = nil
	}
	for _, name := range []string{"data/-", "data/-a", "data/.a", "data/0", "data/7", "data/9z", "data/f", "data/fz", "data/g", "data/zz", "catalog/1", "e/1"} {
		f.objects[name] = nil
	}
	for _, name := range slices.Sorted(maps.Keys(f.objects)) {
		if strings.HasPrefix(name, "data/") {
			names = append(names, name)
		}
	}
	return names
}

// A long listing of hashes is complete and in order, and takes a few round trips instead of one a
// page.
func TestLongListing(t *testing.T) {
	for _, prefix := range []string{"", "mail/archive"} {
		f := newFake(t)
		want := long(f, 1500)
		if prefix != "" {
			for _, name := range slices.Collect(maps.Keys(f.objects)) {
				f.objects[prefix+"/"+name] = nil
			}
		}
		c := &crowd{delay: 10 * time.Millisecond}
		f.set(c.fault)
		s := f.open(func(o *s3.Options) { o.Prefix = prefix })
		f.next()
		if got := list(t, s, "data/"); !slices.Equal(got, want) {
			t.Errorf("listed %d names, want %d", len(got), len(want))
		}
		if requests, pages := strings.Count(f.requests(), "GET"), len(want)/f.page; requests > pages+18 {
			t.Errorf("%d requests for %d pages", requests, pages)
		}
		if most := c.most.Load(); most < 10 {
			t.Errorf("%d requests at once", most)
		}
	}
}

// So is a listing of several folders: each long one is listed in parts.
func TestLongListingOfFolders(t *testing.T) {
	f := newFake(t)
	long(f, 1000)
	for i := range 500 {
		hash := sha256.Sum256(fmt.Append(nil, i))
		f.objects[fmt.Sprintf("catalog/%x", hash)] = nil
		f.objects[fmt.Sprintf("index/%x", hash)] = nil
		f.objects[fmt.Sprintf("manifests/%x/%08d-x", hash[:16], i)] = nil
		f.objects[fmt.Sprintf("marks/%08d-%x", i, hash)] = nil
	}
	want := slices.Sorted(maps.Keys(f.objects))
	c := &crowd{delay: 30 * time.Millisecond}
	f.set(c.fault)
	s := f.open()
	f.next()
	sequence := s.List(t.Context(), "")
	for range 2 { // it may be used again
		var got []string
		for o, err := range sequence {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, o.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("listed %d names, want %d", len(got), len(want))
		}
	}
	if requests, pages := strings.Count(f.requests(), "GET")/2, len(want)/f.page; requests > pages+4*18 {
		t.Errorf("%d requests for %d pages", requests, pages)
	}
	if most := c.most.Load(); most < 16 {
		t.Errorf("%d requests at once", most)
	}
}

// A listing of a few pages takes a request for each, and so does one whose names are no hashes.
func TestListingThatIsNotDivided(t *testing.T) {
	f := newFake(t)
	f.page = 10
	s := f.open()
	for i := range 65 {
		f.objects[fmt.Sprintf("data/%x", sha256.Sum256(fmt.Append(nil, i)))] = nil
	}
	for i := range 100 {
		f.objects[fmt.Sprintf("keys/owner-%04d", i)] = nil
	}
	for prefix, requests := range map[string]int{"data/": 7, "keys/": 10} {
		f.next()
		if got := len(list(t, s, prefix)); got < 65 {
			t.Errorf("%s: listed %d names", prefix, got)
		}
		if got := strings.Count(f.requests(), "GET"); got != requests {
			t.Errorf("%s: %d requests, want %d", prefix, got, requests)
		}
	}
}

// Errors that pass do not leave names out of a listing in parts, and one that stays is reported.
func TestLongListingThroughTrouble(t *testing.T) {
	f := newFake(t)
	want := long(f, 1500)
	s := f.open()
	trouble := []fault{hangUp, nil, answering(503, "SlowDown"), cut(40), nil, nil, page(true)}
	f.next(slices.Concat(slices.Repeat([]fault{nil}, 3), slices.Repeat(trouble, 12))...)
	if got := list(t, s, "data/"); !slices.Equal(got, want) {
		t.Errorf("listed %d names, want %d", len(got), len(want))
	}
	f.set(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		if strings.HasPrefix(r.URL.Query().Get("prefix"), "data/b") {
			answering(403, "AccessDenied")(w, r, next)
			return
		}
		next(w, r)
	})
	var got []string
	var failed error
	for o, err := range s.List(t.Context(), "data/") {
		if failed != nil {
			t.Fatal("a listing goes on after its error")
		}
		if failed = err; err == nil {
			got = append(got, o.Name)
		}
	}
	if failed == nil || !strings.Contains(failed.Error(), "s3:ListBucket") || !slices.Equal(got, want[:len(got)]) || got[len(got)-1] > "data/b" {
		t.Errorf("after %d names: %v", len(got), failed)
	}
}

// The caller may stop a listing in parts anywhere, and so does the end of its context.
func TestLongListingStops(t *testing.T) {
	f := newFake(t)
	want := long(f, 1500)
	s := f.open()
	for _, after := range []int{1, 10, 11, 500, len(want)} {
		n := 0
		for o, err := range s.List(t.Context(), "data/") {
			if err != nil || o.Name != want[n] {
				t.Fatalf("%s, %v; want %s", o.Name, err, want[n])
			}
			if n++; n == after {
				break
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	var failed error
	for _, err := range s.List(ctx, "data/") {
		if n++; n == 600 {
			cancel()
		}
		failed = err
	}
	if n < len(want) && !errors.Is(failed, context.Canceled) {
		t.Errorf("a canceled listing ends after %d names with %v", n, failed)
	}
}

// Real stores list the parts of a listing as the fake does.
func TestListParts(t *testing.T) {
	for server, start := range servers {
		t.Run(server, func(t *testing.T) {
			s := real(t, start(t), "mail")
			names := []string{"catalog/a", "data/00", "data/f", "data/fz", "data/zz", "e/1"}
			for i := range 40 {
				names = append(names, fmt.Sprintf("data/%x", sha256.Sum256(fmt.Append(nil, i))))
			}
			for _, name := range names {
				if err := put(t, s, name, "mail"); err != nil {
					t.Fatal(err)
				}
			}
			whole := list(t, s, "data/")
			const seen = 3
			var parts []string
			for o, err := range s.ListParts(t.Context(), "data/", whole[seen-1]) {
				if err != nil {
					t.Fatal(err)
				}
				parts = append(parts, o.Name)
			}
			if len(whole) != len(names)-2 || !slices.Equal(parts, whole[seen:]) {
				t.Errorf("parts of %q after %s: %q", whole, whole[seen-1], parts)
			}
		})
	}
}
