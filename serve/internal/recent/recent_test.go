package recent_test

import (
	"testing"

	"github.com/mailstrata/mailstrata/serve/internal/recent"
)

// The last values are kept, and those before them are not.
func TestCache(t *testing.T) {
	var c recent.Cache[string, int]
	for n, key := range []string{"a", "b", "c"} {
		c.Put(key, n+1, 2)
	}
	for key, want := range map[string]int{"a": 0, "b": 2, "c": 3, "d": 0} {
		if got := c.Get(key); got != want {
			t.Errorf("Get(%q) = %d, want %d", key, got, want)
		}
	}
}
