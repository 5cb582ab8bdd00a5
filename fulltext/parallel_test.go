package fulltext

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/fulltext/words"
)

// addYears adds n messages of each of some years, with common words in all and the number of the
// message.
func addYears(t *testing.T, x *Index, first, years, n int) {
	t.Helper()
	err := x.Update(t.Context(), func(u *Update) error {
		for i := range years * n {
			m := Message{Date: time.Date(2000+first+i%years, 6, 1, 0, 0, i, 0, time.UTC)}
			binary.BigEndian.PutUint64(m.Hash[:], uint64(first)<<32|uint64(i+1))
			m.Fields.Body = []string{fmt.Sprintf("to be or not to be %d year%d", i, i%years)}
			if err := u.Add(t.Context(), m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestShardsAtOnce shows that a search in several shards at once finds the same as one after the
// other, also after an update by another process.
func TestShardsAtOnce(t *testing.T) {
	dir := t.TempDir()
	x, err := Open(dir, [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	other, err := Open(dir, [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for round := range 3 {
		addYears(t, other, 10*round, 8, 30)
		for _, text := range []string{`"to be or not"`, `"or be"`, `17`, `to -year3`, `year1 OR year6`} {
			q, err := words.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range []int{1, 7, 50, 10_000} {
				var one, several []int64
				err := x.read(func(d *database) error {
					one, several = nil, nil
					s := newSearch(q, Bounds{Before: time.Date(2026, 6, 1, 0, 0, 20, 0, time.UTC)})
					take := func(all *[]int64) func(*row) bool {
						return func(r *row) bool {
							if s.fits(r) {
								*all = append(*all, r.id)
							}
							return len(*all) < n
						}
					}
					if _, err := s.rows(t.Context(), d, s.high, forever, take(&one)); err != nil {
						return err
					}
					connections := x.connections(d, 3)
					if len(connections) != 3 {
						t.Errorf("there are %d connections", len(connections))
					}
					return s.rowsAtOnce(t.Context(), connections, d.shards, s.high, n, take(&several))
				})
				if err != nil || !slices.Equal(one, several) || len(one) == 0 && text != `"or be"` {
					t.Errorf("round %d, %s, %d: one after the other %d rows, at once %d, %v", round, text, n, len(one), len(several), err)
				}
			}
		}
	}
}
