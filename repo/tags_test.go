package repo_test

import (
	"errors"
	"slices"
	"testing"

	"filippo.io/age"

	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// Tags are added and removed as a set, and what changes nothing puts no object.
func TestTags(t *testing.T) {
	worlds(t, func(t *testing.T, store *storetest.Memory, o repo.InitOptions) {
		r := mustInit(t, store, o)
		_, h, _ := mustBackup(t, r, "me", 1, 3)
		_, other, _ := mustBackup(t, r, "me", 2, 3)
		for _, step := range []struct {
			set, taken []string
			want       []string
			objects    int // number of objects put
		}{
			{set: []string{"pinned", "move", "move"}, want: []string{"move", "pinned"}, objects: 1},
			{set: []string{"move"}, want: []string{"move", "pinned"}},
			{taken: []string{"never"}, want: []string{"move", "pinned"}},
			{taken: []string{"pinned"}, set: []string{"ä"}, want: []string{"move", "ä"}, objects: 1},
			{set: []string{"pinned"}, want: []string{"move", "pinned", "ä"}, objects: 1},
			{taken: []string{"move", "pinned", "ä"}, objects: 1},
		} {
			before := len(store.Names())
			if err := r.Tag(t.Context(), h, step.set, step.taken); err != nil {
				t.Fatal(err)
			}
			if n := len(store.Names()) - before; n != step.objects {
				t.Errorf("%+v puts %d objects", step, n)
			}
			tags, err := r.Tags(t.Context())
			if err != nil || !slices.Equal(tags[h.Name], step.want) || len(tags[other.Name]) > 0 {
				t.Errorf("after %+v: %v, %v", step, tags, err)
			}
		}
		for _, bad := range []string{"", "two words", "a,b", "\x00", "\xff", string(make([]byte, 65))} {
			if err := r.Tag(t.Context(), h, []string{bad}, nil); err == nil {
				t.Errorf("tag %q is accepted", bad)
			}
		}
		if err := r.Tag(t.Context(), h, []string{"a"}, []string{"a"}); err == nil {
			t.Error("a tag is set and taken back at once")
		}
		mustBeSound(t, r)
	})
}

// If two hosts set and take back a tag at once, the tag is set, because a tag can keep a manifest.
func TestTagsAtOnce(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, sealedOptions())
	_, h, _ := mustBackup(t, r, "me", 1, 3)
	if err := r.Tag(t.Context(), h, []string{"a"}, nil); err != nil {
		t.Fatal(err)
	}
	elsewhere := store.Clone()
	away := repo.On(r, elsewhere, t.TempDir())
	if err := errors.Join(r.Tag(t.Context(), h, []string{"b"}, []string{"a"}), away.Tag(t.Context(), h, []string{"c"}, nil)); err != nil {
		t.Fatal(err)
	}
	if err := away.Tag(t.Context(), h, nil, []string{"c"}); err != nil {
		t.Fatal(err)
	}
	for _, name := range elsewhere.Names() {
		store.Replace(name, elsewhere.Bytes(name))
	}
	tags, err := r.Tags(t.Context())
	if err != nil || !slices.Equal(tags[h.Name], []string{"b"}) {
		t.Errorf("%v, %v", tags, err)
	}
}

func TestTagNeedsTheKeeper(t *testing.T) {
	store := new(storetest.Memory)
	writer := newKey(t)
	o := sealedOptions()
	o.Writers = []age.Recipient{writer.Recipient()}
	_, h, _ := mustBackup(t, mustInit(t, store, o), "me", 1, 3)
	host, err := repo.Open(t.Context(), store, repo.Unlock{Identities: []age.Identity{writer}}, repo.Options{CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	if err := host.Tag(t.Context(), h, []string{"pinned"}, nil); !errors.Is(err, repo.ErrNoRole) {
		t.Error(err)
	}
}

// One object marks many manifests. Each of them has the same mark as if it were marked alone.
func TestMarkAll(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, sealedOptions())
	var all []statement.Marked
	for i := range uint64(5) {
		_, h, _ := mustBackup(t, r, "me", i, 2)
		all = append(all, statement.Marked{Manifest: h.Name, Parent: &[32]byte{byte(i)}})
	}
	before := len(store.Names())
	if err := errors.Join(r.MarkAll(t.Context(), append(all[1:4:4], all[2])), r.MarkAll(t.Context(), nil)); err != nil {
		t.Fatal(err)
	}
	if n := len(store.Names()) - before; n != 1 {
		t.Errorf("%d objects", n)
	}
	marks, err := r.Marks(t.Context())
	if err != nil || len(marks) != 3 {
		t.Fatalf("%v, %v", marks, err)
	}
	for i, m := range all {
		got, marked := marks[m.Manifest]
		if marked != (i > 0 && i < 4) || marked && *got.Parent != *m.Parent {
			t.Errorf("manifest %d: %+v", i, got)
		}
	}
	mustBeSound(t, r)
}
