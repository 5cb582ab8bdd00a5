package imapsource_test

import (
	"fmt"
	"maps"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// clone returns a server with the same account.
func (m *model) clone() *model {
	other := newModel()
	for name, b := range m.boxes {
		c := *b
		c.mails, c.gone = nil, maps.Clone(b.gone)
		for _, msg := range b.mails {
			copied := *msg
			c.mails = append(c.mails, &copied)
		}
		other.boxes[name] = &c
	}
	return other
}

// A server may end a connection after any line, with BYE or in the middle of a word, or fall
// silent: the run continues over another connection and is complete. If the server is gone, there
// is an error, and the next run is complete. The test ends the connection after each line of a run
// with many changes; with MAILSTRATA_LONG, in every way and at every byte.
func TestDisconnectAnywhere(t *testing.T) {
	var store *storetest.Memory
	var account *model
	var lines, octets int
	synctest.Test(t, func(t *testing.T) {
		n := newDailyBackups(t)
		n.check("ordinary", n.backUp(misbehavior{}), whole)
		n.change()
		store, account = n.store.Clone(), n.model.clone()
		n.model.lines, n.model.octets = 0, 0
		n.check("changed", n.backUp(misbehavior{}), whole)
		lines, octets = n.model.lines, n.model.octets
	})
	t.Logf("%d lines, %d bytes", lines, octets)
	long := os.Getenv("MAILSTRATA_LONG") != ""
	steps := func(often, seldom int) int {
		if long {
			return often
		}
		return seldom
	}
	for _, way := range []struct {
		name string
		at   []int
		odd  func(at int) misbehavior
		want verdict
	}{
		{"BYE", every(lines, 1), func(at int) misbehavior {
			return misbehavior{cut: func(lines, _ int, _ string) ending { return ending{ends: lines == at, says: "* BYE going down\r\n"} }}
		}, whole},
		{"within a line", every(octets, steps(1, 97)), func(at int) misbehavior {
			done := false
			return misbehavior{cut: func(_, octets int, text string) (e ending) {
				if octets >= at && !done {
					done = true
					e = ending{ends: true, says: text[:len(text)-(octets-at)]}
				}
				return e
			}}
		}, whole},
		{"silence", every(lines, steps(1, 5)), func(at int) misbehavior {
			return misbehavior{cut: func(lines, _ int, _ string) ending { return ending{stalls: lines == at} }}
		}, whole},
		{"without return", every(lines, steps(1, 5)), func(at int) misbehavior {
			return misbehavior{cut: func(lines, _ int, _ string) ending { return ending{ends: lines >= at} }}
		}, fails | maybe}, // the last line is not missed
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			for _, at := range way.at {
				synctest.Test(t, func(t *testing.T) {
					n := resume(t, account.clone(), store.Clone())
					began := time.Now()
					n.check(fmt.Sprintf("ended at %d", at), n.backUp(way.odd(at)), way.want)
					if took := time.Since(began); took > time.Hour {
						t.Errorf("ended at %d, and given up after %v", at, took)
					}
					n.check(fmt.Sprintf("after it ended at %d", at), n.backUp(misbehavior{}), whole)
				})
			}
		})
	}
}

func every(total, step int) (list []int) {
	for at := 1; at <= total; at += step {
		list = append(list, at)
	}
	return list
}
