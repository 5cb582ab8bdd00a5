package rewrite_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/erase"
	"github.com/mailstrata/mailstrata/archive/rewrite"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// Undo commits a forgotten manifest as a new one, a millisecond later, with the same mail, origin
// and tags. The mark is kept, and no prune deletes what the new one needs.
func TestUndo(t *testing.T) {
	w := newWorld(t, 4)
	if err := w.r.Tag(t.Context(), w.nights[1].Head, []string{"move"}, nil); err != nil {
		t.Fatal(err)
	}
	w.forget(1, 2)
	w.mustHold(w.r, anna, 0, 3)
	for _, u := range w.mustUndo(1, 2) {
		s := u.Old
		if u.New.Time != s.Head.Time.Add(time.Millisecond) || u.Existing {
			t.Errorf("%+v", u)
		}
		m, err := archive.ReadManifest(t.Context(), w.r, u.New)
		if err != nil || m.Origin != s.Head.ID || m.Totals != s.Manifest.Totals {
			t.Errorf("%v, %+v", err, m)
		}
	}
	w.mustHold(w.r, anna, 0, 1, 2, 3)
	for _, u := range w.mustUndo(1, 2) {
		if !u.Existing {
			t.Error("it is committed twice")
		}
	}
	tags, err := w.r.Tags(t.Context())
	if list := listed(t, w.r, anna); err != nil || !slices.Equal(tags[list[1].Head.Name], []string{history.TagDated, "move"}) {
		t.Errorf("%v, the tags are %v", err, tags)
	}
	ref, err := history.ParseRef(w.nights[1].Head.Time.Add(time.Minute).UTC().Format(time.RFC3339), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if head, passed, err := archive.Resolve(t.Context(), w.r, ref); err != nil || head.Time != w.nights[1].Head.Time.Add(time.Millisecond) || len(passed) > 0 {
		t.Errorf("its day is that of %s, %v, passed over %v", head.Time, err, passed)
	}
	for range 4 {
		w.prune()
	}
	w.mustHold(w.r, anna, 0, 1, 2, 3)
	archivetest.MustBeSound(t, w.r)
	if again := w.night(); len(again.Manifest.Alarm) > 0 || again.Manifest.Totals.NewMessages != 1 {
		t.Errorf("the next night: %+v", again.Manifest.Totals)
	}
}

// Undo works until a prune has deleted the manifest. If something of it is gone, Undo refuses and
// names what is missing.
func TestUndoAfterAPrune(t *testing.T) {
	w := newWorld(t, 3)
	w.forget(1)
	if forgotten, err := rewrite.ListForgotten(t.Context(), w.r); err != nil || len(forgotten) != 1 ||
		forgotten[0].Until() != forgotten[0].Head.Since.Add(repo.Grace) {
		t.Fatalf("%v, %+v", err, forgotten)
	}
	keep := w.store.Bytes(w.nights[1].Head.Name)
	if report := w.prune(); report.Manifests.Objects != 1 {
		t.Fatalf("%+v", report)
	}
	if all, err := w.undo(w.r, false, 1); err != nil || len(all) > 0 {
		t.Errorf("%v, %+v", err, all)
	}
	// A store that retains kept the manifest. The pack is condemned, and there: it does not count
	// as stored.
	w.store.Replace(w.nights[1].Head.Name, keep)
	clone := w.store.Clone()
	packs := func(s *storetest.Memory) int { return len(s.Names()) }
	before := packs(w.store)
	w.mustUndo(1)
	if packs(w.store) <= before+1 {
		t.Error("nothing was stored again")
	}
	w.mustHold(w.r, anna, 0, 1, 2)
	w.prune()
	w.prune()
	w.mustHold(w.r, anna, 0, 1, 2)
	archivetest.MustBeSound(t, w.r)

	// The pack of its message is gone, too.
	w.store, w.r = clone, archivetest.Reopen(t, clone)
	for _, name := range w.came[1] {
		if strings.HasPrefix(name, "data/") {
			if err := w.store.Delete(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
	}
	all, err := w.undo(w.r, false, 1)
	if err != nil || len(all) != 1 || !errors.Is(all[0].Err, rewrite.ErrMissing) || all[0].New.Name != "" || len(all[0].Missing) != 1 {
		t.Fatalf("%v, %+v", err, all)
	}
	w.mustHold(w.r, anna, 0, 2)
	all, err = w.undo(w.r, true, 1)
	if err != nil || all[0].Err != nil || all[0].New.Name == "" {
		t.Fatalf("%v, %+v", err, all)
	}
	m, err := archive.ReadManifest(t.Context(), w.r, all[0].New)
	if err != nil || m.Totals.Failures != 1 || m.Totals.Messages != w.nights[1].Manifest.Totals.Messages-1 {
		t.Errorf("%v, %+v", err, m.Totals)
	}
	archivetest.MustBeSound(t, w.r)
}

// An undo that is killed at any operation of the store damages nothing, and what it has committed
// counts once. A second undo completes it, whatever a prune did in between.
func TestUndoKilledAnywhere(t *testing.T) {
	w := newWorld(t, 3)
	if err := w.r.Tag(t.Context(), w.nights[0].Head, []string{history.TagPinned}, nil); err != nil {
		t.Fatal(err)
	}
	w.forget(0, 1)
	base := w.store
	base.Advance(23 * time.Hour)
	for _, fault := range []storetest.Fault{storetest.Refuse, storetest.Lose} {
		for n := 1; ; n++ {
			w.store = base.Clone()
			faulty := &storetest.Faulty{Store: w.store}
			r := archivetest.Reopen(t, faulty)
			faulty.Fail = storetest.CrashAt(faulty.Ops()+n, fault)
			_, err := w.undo(r, false, 0, 1)
			w.r = archivetest.Reopen(t, w.store)
			archivetest.MustBeSound(t, w.r)
			if list := listed(t, w.r, anna); len(list) > 3 {
				t.Fatalf("killed at %d, there are %d manifests", n, len(list))
			}
			w.mustUndo(0, 1)
			w.mustHold(w.r, anna, 0, 1, 2)
			tags, errTags := w.r.Tags(t.Context())
			if list := listed(t, w.r, anna); errTags != nil || !slices.Contains(tags[list[0].Head.Name], history.TagPinned) {
				t.Fatalf("killed at %d, the pin is gone: %v", n, errTags)
			}
			if n%7 == 0 || err == nil {
				w.prune()
				w.prune()
				w.mustHold(w.r, anna, 0, 1, 2)
				archivetest.MustBeSound(t, w.r)
			}
			if err == nil {
				t.Logf("%d operations", n-1)
				break
			}
		}
	}
}

// A prune that is due deletes the manifest or its packs while Undo commits it again. The result is
// whole or does not exist.
func TestUndoBesideAPrune(t *testing.T) {
	w := newWorld(t, 3)
	w.forget(1)
	w.store.Advance(repo.Grace + time.Minute)
	marked := w.store.Clone()
	keep := w.store.Bytes(w.nights[1].Head.Name)
	w.pruneNow()
	w.store.Advance(repo.Grace + time.Minute)
	w.store.Replace(w.nights[1].Head.Name, keep) // a store that retains kept it; its packs may go now
	for i, base := range []*storetest.Memory{marked, w.store} {
		wholes := 0
		for n := 1; ; n++ {
			w.store = base.Clone()
			w.r = archivetest.Reopen(t, w.store)
			pruned := false
			racing := &storetest.Faulty{Store: w.store}
			r := archivetest.Reopen(t, racing)
			from := racing.Ops()
			racing.Fail = func(op storetest.Op) storetest.Fault {
				if op.N == from+n {
					pruned = true
					w.pruneNow()
				}
				return storetest.None
			}
			all, err := w.undo(r, false, 1)
			if !pruned {
				t.Logf("base %d: %d of %d came in time", i, wholes, n-1)
				break
			}
			whole := err == nil && len(all) == 1 && all[0].Err == nil
			for range 3 {
				w.prune()
			}
			if whole {
				wholes++
				w.mustHold(w.r, anna, 0, 1, 2)
			} else {
				w.mustHold(w.r, anna, 0, 2)
			}
			archivetest.MustBeSound(t, w.r)
		}
		if wholes == 0 {
			t.Error("none came in time")
		}
	}
}

// Undo does not restore erased messages.
func TestUndoDoesNotRestoreErased(t *testing.T) {
	w := newWorld(t, 3)
	c, err := archive.OpenManifest(t.Context(), w.r, w.nights[1].Head)
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Mailbox(t.Context(), "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	var last manifest.Entry
	for e, err := range c.Entries(t.Context(), m) {
		if err != nil {
			t.Fatal(err)
		}
		last = *e
	}
	w.forget(1)
	// The erasure alone, as if its writer had been killed: no manifest says so yet.
	if err := w.r.Erase(t.Context(), statement.Erasure{Messages: []statement.ErasedMessage{{Hash: last.Hash}}}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		all, err := w.undo(w.r, true, 1)
		if err != nil || len(all) != 1 || !errors.Is(all[0].Err, rewrite.ErrErased) {
			t.Fatalf("%v, %+v", err, all)
		}
		if _, err := erase.Complete(t.Context(), w.r, nil); err != nil {
			t.Fatal(err)
		}
	}
	w.mustHold(w.r, anna, 0, 2)
}

// A repository that has a copy of the original needs no copy of the manifest that Undo made.
// Another one gets a copy, whose time is not that of the forgotten manifest.
func TestUndoneManifestsAreCopied(t *testing.T) {
	w := newWorld(t, 3)
	var stores [2]storetest.Memory
	second, third := archivetest.NewRepo(t, &stores[0]), archivetest.NewRepo(t, &stores[1])
	stores[0].Advance(3 * 24 * time.Hour)
	stores[1].Advance(3 * 24 * time.Hour)
	w.copyTo(second)
	w.forget(1)
	w.mustUndo(1)
	if made, present := w.copyTo(second); made != 0 || present != 3 {
		t.Errorf("%d copied, %d present", made, present)
	}
	if made, _ := w.copyTo(third); made != 3 {
		t.Errorf("%d copied", made)
	}
	w.mustHold(third, anna, 0, 1, 2)
}
