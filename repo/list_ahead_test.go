package repo_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// openAhead opens the repository with Options.ListAhead.
func openAhead(t *testing.T, s store.Store) *repo.Repo {
	t.Helper()
	r, err := repo.Open(t.Context(), s, unlocked(), repo.Options{CacheDir: t.TempDir(), ListAhead: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// listedHeads lists all manifests.
func listedHeads(t *testing.T, r *repo.Repo) (list []repo.Head) {
	t.Helper()
	for head, err := range r.Manifests(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, head)
	}
	return list
}

// A repository that lists ahead has listed manifests, marks and the index in the two round trips in
// which it is opened.
func TestListAheadCostsNoRoundTrip(t *testing.T) {
	memory := new(storetest.Memory)
	all, _, _ := mustBackup(t, mustInit(t, memory, sealedOptions()), "me", 1, 5)
	synctest.Test(t, func(t *testing.T) {
		far := storetest.NewFar(memory)
		r := openAhead(t, far)
		if n := len(listedHeads(t, r)); n != 1 || far.RoundTrips() != 2 {
			t.Errorf("%d manifests after %d round trips, want 1 after 2", n, far.RoundTrips())
		}
		if _, err := r.Locate(t.Context(), idsOf(all)); err != nil || far.RoundTrips() != 3 {
			t.Errorf("the index is read after %d round trips, want 3: %v", far.RoundTrips(), err)
		}
		if n := far.Requests().List; n != 5 {
			t.Errorf("%d listings, want 5", n)
		}
	})
}

// What comes after the listings that began early is found: a second listing of manifests is a new
// one, and a chunk that the early listing of the index does not have is looked for in a new one.
func TestListAheadMissesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := new(storetest.Memory)
		writer := mustInit(t, memory, sealedOptions())
		mustBackup(t, writer, "me", 1, 5)
		r := openAhead(t, memory)
		synctest.Wait()
		time.Sleep(time.Second)
		late, head, _ := mustBackup(t, writer, "me", 2, 5)
		if n := len(listedHeads(t, r)); n != 1 {
			t.Errorf("%d manifests in the early listing, want 1", n)
		}
		if n := len(listedHeads(t, r)); n != 2 {
			t.Errorf("%d manifests in the second listing, want 2", n)
		}
		if _, err := r.Manifest(t.Context(), head); err != nil {
			t.Fatal(err)
		}
		mustRead(t, r, late)
		if p := r.IndexProblems(); len(p) > 0 {
			t.Errorf("the index was not listed again: %v", p)
		}
	})
}

// An early listing that fails is an error of its first use. The next use lists again.
func TestListAheadFails(t *testing.T) {
	memory := new(storetest.Memory)
	all, _, _ := mustBackup(t, mustInit(t, memory, sealedOptions()), "me", 1, 5)
	for _, folder := range []string{"manifests/", "marks/", "index/"} {
		faulty := &storetest.Faulty{Store: memory, Fail: func(op storetest.Op) storetest.Fault {
			if op.Name == folder {
				return storetest.Refuse
			}
			return storetest.None
		}}
		r := openAhead(t, faulty)
		use := func() error {
			if folder == "index/" {
				_, err := r.Locate(t.Context(), idsOf(all))
				return err
			}
			for _, err := range r.Manifests(t.Context()) {
				if err != nil {
					return err
				}
			}
			return nil
		}
		if err := use(); !errors.Is(err, storetest.ErrFault) {
			t.Errorf("%s: %v", folder, err)
		}
		faulty.Fail = nil
		if err := use(); err != nil {
			t.Errorf("%s, again: %v", folder, err)
		}
	}
}

// Under lock, the listings have what delete markers hide, however early they began.
func TestListAheadUnderLock(t *testing.T) {
	lockedWorlds(t, func(t *testing.T, s *storetest.Locked, r *repo.Repo) {
		_, head, _ := mustBackup(t, r, "me", 1, 5)
		if err := s.Delete(t.Context(), head.Name); err != nil {
			t.Fatal(err)
		}
		host, err := repo.Open(t.Context(), s, repo.Unlock{}, repo.Options{CacheDir: t.TempDir(), ListAhead: true})
		if err != nil {
			t.Fatal(err)
		}
		defer host.Close()
		if n := len(listedHeads(t, host)); n != 1 {
			t.Errorf("%d manifests, want the hidden one", n)
		}
	})
}
