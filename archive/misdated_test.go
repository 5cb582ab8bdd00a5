package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/zeebo/blake3"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// ahead is a store behind a proxy that shows another time.
type ahead struct {
	*storetest.Memory
	by time.Duration
}

func (a ahead) Now(ctx context.Context) (time.Time, error) {
	now, err := a.Memory.Now(ctx)
	return now.Add(a.by), err
}

func (a ahead) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for o, err := range a.Memory.List(ctx, prefix) {
			o.Time = o.Time.Add(a.by)
			if !yield(o, err) {
				return
			}
		}
	}
}

// forge writes a manifest of an empty account, dated two days ahead.
func forge(t *testing.T, store *storetest.Memory) repo.Head {
	t.Helper()
	r, err := repo.Open(t.Context(), ahead{store, 48 * time.Hour}, repo.Unlock{}, repo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	return archivetest.Backup(t, r, archivetest.NewAccount()).Head
}

// A misdated manifest, in either repository, does not stop a copy. The others are copied, and the
// copy reports this one.
func TestCopySkipsMisdatedManifests(t *testing.T) {
	source, target := new(storetest.Memory), new(storetest.Memory)
	from, to := archivetest.NewRepo(t, source), archivetest.NewRepo(t, target)
	a := archivetest.SampleAccount()
	first := archivetest.Backup(t, from, a).Head
	forged := forge(t, source)
	forge(t, target)
	second := archivetest.Backup(t, from, a).Head
	for range 2 {
		copied, _ := archivetest.Copy(t, from, to)
		got := make(map[string]error)
		for _, c := range copied {
			got[c.Summary.Head.Name] = c.Err
		}
		if err, ok := got[first.Name]; !ok || err != nil {
			t.Errorf("the first night: %v, %v", ok, err)
		}
		if err, ok := got[second.Name]; !ok || err != nil {
			t.Errorf("the second night: %v, %v", ok, err)
		}
		if err := got[forged.Name]; len(got) != 3 || err == nil || !strings.Contains(err.Error(), "cannot be true") {
			t.Errorf("the forged one of %d: %v", len(got), err)
		}
		source.Advance(72 * time.Hour) // the forged one's time has passed
		target.Advance(72 * time.Hour)
	}
}

// A search in all manifests skips a misdated one.
func TestFindAllSkipsMisdatedManifests(t *testing.T) {
	store := new(storetest.Memory)
	r := archivetest.NewRepo(t, store)
	archivetest.Backup(t, r, archivetest.SampleAccount())
	forge(t, store)
	found, errs := 0, 0
	for _, err := range search.FindAll(t.Context(), r, "", search.Query{}, func(*manifest.Mailbox) bool { return true }) {
		if err != nil {
			errs++
		} else {
			found++
		}
	}
	if found == 0 || errs != 1 {
		t.Errorf("%d found, %d errors", found, errs)
	}
}

// If the newest manifest or one of a day is requested, an object that is not the manifest of its
// name is skipped and reported. Its ID finds the right manifest.
func TestResolveSkipsRenamedManifests(t *testing.T) {
	store := new(storetest.Memory)
	r := archivetest.NewRepo(t, store)
	a := archivetest.SampleAccount()
	first := archivetest.Backup(t, r, a).Head
	store.Advance(time.Hour)
	second := archivetest.Backup(t, r, a).Head
	store.Advance(time.Hour)
	folder := second.Name[:strings.LastIndex(second.Name, "/")+1]
	renamed := fmt.Sprintf("%s%016x-%x", folder, math.MaxUint64-uint64(second.Time.UnixMilli())-1000, first.ID[:])
	store.Replace(renamed, store.Bytes(first.Name))
	for text, want := range map[string]struct {
		head   repo.Head
		passed int
	}{
		"latest": {second, 1}, "latest~1": {first, 1}, second.Time.Add(2 * time.Second).Format(time.RFC3339): {second, 1},
		first.ID.String(): {first, 0}, first.ID.String()[:8]: {first, 0}, second.ID.String(): {second, 0},
	} {
		ref, err := history.ParseRef(text, second.Time)
		if err != nil {
			t.Fatal(err)
		}
		got, passed, err := archive.Resolve(t.Context(), r, ref)
		if err != nil || got.Name != want.head.Name || len(passed) != want.passed {
			t.Errorf("%s: %s, %v, %v; want %s", text, got.Name, passed, err, want.head.Name)
		}
		for _, p := range passed {
			if p.Head.Name != renamed || p.Err == nil || !strings.Contains(p.Err.Error(), "its name was changed") {
				t.Errorf("%s: %s is passed over: %v", text, p.Head.Name, p.Err)
			}
		}
	}
	latest, err := archive.Latest(t.Context(), r)
	if err != nil || len(latest) != 1 || latest[0].Head.Name != second.Name {
		t.Errorf("latest: %v, %v", latest, err)
	}
}

// An object that hashes to its name but cannot be decrypted was never a manifest. Anyone can write
// one without a key, and this must not hide the newest mail from its owner. A manifest whose bytes
// have changed is damaged, which is an error.
func TestResolveSkipsGarbage(t *testing.T) {
	store := new(storetest.Memory)
	r := archivetest.NewRepo(t, store)
	head := archivetest.Backup(t, r, archivetest.SampleAccount()).Head
	store.Advance(time.Hour)
	folder := head.Name[:strings.LastIndex(head.Name, "/")+1]
	after := math.MaxUint64 - uint64(head.Time.UnixMilli()) - 1000
	whole := store.Bytes(head.Name)
	for what, garbage := range map[string][]byte{"garbage": []byte("garbage"), "empty": {}, "half a manifest": whole[:len(whole)/2]} {
		hash := blake3.Sum256(garbage)
		name := fmt.Sprintf("%s%016x-%x", folder, after, hash[:])
		store.Replace(name, garbage)
		ref, err := history.ParseRef("latest", head.Time)
		if err != nil {
			t.Fatal(err)
		}
		got, passed, err := archive.Resolve(t.Context(), r, ref)
		if err != nil || got.Name != head.Name || len(passed) != 1 || passed[0].Head.Name != name {
			t.Errorf("%s: %s, %v, %v", what, got.Name, passed, err)
		}
		if err := store.Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	changed := bytes.Clone(whole)
	changed[len(changed)/2] ^= 1
	store.Replace(fmt.Sprintf("%s%016x-%x", folder, after, head.ID[:]), changed)
	ref, err := history.ParseRef("latest", head.Time)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := archive.Resolve(t.Context(), r, ref); !errors.Is(err, repo.ErrDamaged) {
		t.Errorf("a damaged manifest: %v", err)
	}
}
