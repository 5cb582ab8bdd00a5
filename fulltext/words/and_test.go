package words_test

import (
	"testing"

	"github.com/mailstrata/mailstrata/fulltext/words"
)

// And adds a condition, and does not change the query.
func TestAnd(t *testing.T) {
	for _, c := range []struct {
		query string
		want  bool
	}{{"", true}, {"bridge", true}, {"bridge plan", true}, {"bridge OR tunnel", true}, {"tunnel", false}, {"bridge tunnel", false}} {
		q := new(words.Query)
		if c.query != "" {
			var err error
			if q, err = words.Parse(c.query); err != nil {
				t.Fatal(err)
			}
		}
		plain := words.Fields{Body: []string{"the plan of a bridge"}}
		attached := plain
		attached.Attachments = []string{"plan.pdf"}
		with := q.And(&words.Expr{Op: words.HasAttachment})
		if with.Match(&plain) || with.Match(&attached) != c.want {
			t.Errorf("%q with an attachment: %v, %v", c.query, with.Match(&plain), with.Match(&attached))
		}
		if q.Match(&plain) != c.want {
			t.Errorf("%q was changed", c.query)
		}
	}
}
