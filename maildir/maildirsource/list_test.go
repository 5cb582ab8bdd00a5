package maildirsource

import (
	"fmt"
	"maps"
	"testing"
)

// A folder is listed twice if messages only arrive meanwhile, and more often if one is missing that
// was there: it may have been renamed. If that does not end, what one of the last two listings had
// counts.
func TestListsUntilNothingIsMissing(t *testing.T) {
	set := func(keys ...string) map[string]string {
		files := make(map[string]string)
		for _, key := range keys {
			files["cur/"+key] = key
		}
		return files
	}
	for name, test := range map[string]struct {
		listing func(n int) map[string]string // the one with a number, from 1
		want    map[string]string
		n       int
	}{
		"nothing changes": {func(int) map[string]string { return set("a", "b") }, set("a", "b"), 2},
		"one arrives each time": {func(n int) map[string]string {
			files := set("a")
			for i := range n {
				files[fmt.Sprint("new/", i)] = fmt.Sprint(i)
			}
			return files
		}, map[string]string{"cur/a": "a", "new/0": "0", "new/1": "1"}, 2},
		"one is renamed once": {func(n int) map[string]string {
			if n == 2 {
				return set("b", "c")
			}
			return set("a", "b", "c")
		}, set("a", "b", "c"), 3},
		"one is renamed each time": {func(n int) map[string]string {
			if n%2 == 0 {
				return set("b", "c")
			}
			return set("a", "b")
		}, set("a", "b", "c"), maxListings},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			files, _, err := listed(t.Context(), func() (map[string]string, error) {
				n++
				return test.listing(n), nil
			}, func() uint64 { return uint64(n) })
			if err != nil || !maps.Equal(files, test.want) || n != test.n {
				t.Errorf("%v, %v after %d listings, want %v after %d", files, err, n, test.want, test.n)
			}
		})
	}
}
