package collection_test

import (
	"testing"

	"github.com/mailstrata/mailstrata/collection"
)

func TestSameETag(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{`"1"`, `"1"`, true},
		{`"1"`, `W/"1"`, true},
		{`1`, `W/"1"`, true},
		{`"1"`, `"2"`, false},
		{`W/"1"`, `W/"2"`, false},
		{"", "", false},
		{"", `"1"`, false},
	} {
		if collection.SameETag(test.a, test.b) != test.want || collection.SameETag(test.b, test.a) != test.want {
			t.Errorf("%s and %s: want %t", test.a, test.b, test.want)
		}
	}
}
