package s3_test

import (
	"fmt"
	"strings"
	"testing"
)

// ListFew asks for small pages, and for no more of them than the caller reads.
func TestListFew(t *testing.T) {
	f := newFake(t)
	f.page = 1000
	for i := range 20 {
		f.objects[fmt.Sprintf("manifests/a/%02d", i)] = nil
	}
	s := f.open()
	for _, c := range []struct{ stop, requests int }{{1, 1}, {7, 1}, {9, 2}, {21, 3}} {
		f.next()
		before, seen := strings.Count(f.requests(), "GET"), 0
		for o, err := range s.ListFew(t.Context(), "manifests/a/") {
			if err != nil || o.Name != fmt.Sprintf("manifests/a/%02d", seen) {
				t.Fatalf("object %d is %s: %v", seen, o.Name, err)
			}
			if seen++; seen == c.stop {
				break
			}
		}
		if n := strings.Count(f.requests(), "GET") - before; n != c.requests || seen != min(c.stop, 20) {
			t.Errorf("%d objects took %d requests, want %d", seen, n, c.requests)
		}
	}
}
