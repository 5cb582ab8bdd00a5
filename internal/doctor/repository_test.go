package doctor

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/objectlock"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// The lock is reported before and after it is due, and not at all without a lock.
func TestLocks(t *testing.T) {
	lock := &objectlock.Lock{Days: 10, ByDefault: true}
	store := storetest.NewLocked(lock.Term())
	r, err := repo.Init(t.Context(), store, repo.InitOptions{NoSeal: true, Lock: lock})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, want := range []Verdict{OK, Warn} {
		e := new(findings)
		e.lock(t.Context(), store, r)
		if len(e.found) != 1 || e.found[0].Status != want || !strings.Contains(e.found[0].Finding, "10 days, governance") {
			t.Errorf("%+v", e.found)
		}
		store.Advance(6 * 24 * time.Hour)
	}
	e, open := new(findings), new(storetest.Memory)
	if r, err = repo.Init(t.Context(), open, repo.InitOptions{NoSeal: true}); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if e.lock(t.Context(), open, r); len(e.found) > 0 {
		t.Errorf("%+v", e.found)
	}
}

// limited is a store that takes no object as large as a pack.
type limited struct{ storetest.Memory }

func (*limited) ProbeSize(context.Context) error { return errors.New("too large") }

// A store that takes small objects only is no place for packs.
func TestSizeLimit(t *testing.T) {
	for _, test := range []struct {
		store store.Store
		want  Verdict
	}{{new(limited), Fail}, {new(storetest.Memory), OK}} {
		e := new(findings)
		e.probe(t.Context(), test.store)
		if len(e.found) == 0 || e.found[0].Check != "put" || e.found[0].Status != test.want {
			t.Errorf("%T: %+v", test.store, e.found)
		}
	}
}
