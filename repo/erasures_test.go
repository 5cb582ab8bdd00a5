package repo_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// Erasures of many messages are divided among small objects, and all are read back.
func TestErasuresRoundTrip(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, sealedOptions())
	e := statement.Erasure{Accounts: []string{r.AccountDir("anna"), r.AccountDir("bert")}}
	ids := map[chunk.ID][]chunk.ID{}
	for i := range 3000 {
		m := statement.ErasedMessage{Hash: r.MessageKey().Sum(fmt.Append(nil, i))}
		for part := range 20 {
			id := r.ChunkKey().Sum(fmt.Append(nil, i, part))
			ids[m.Hash] = append(ids[m.Hash], id)
			m.Chunks = append(m.Chunks, id.Prefix())
		}
		e.Messages = append(e.Messages, m)
	}
	if err := r.Erase(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	all, err := r.Erasures(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for hash, chunks := range ids {
		if !all.Message(hash) || slices.ContainsFunc(chunks, func(id chunk.ID) bool { return !all.Chunk(id) }) {
			t.Fatalf("message %s, or a chunk of it, is not erased", hash)
		}
	}
	since, anna := all.Account(r.AccountDir("anna"))
	_, carl := all.Account(r.AccountDir("carl"))
	if !anna || carl || time.Since(since).Abs() > time.Hour {
		t.Errorf("anna %v at %s, carl %v", anna, since, carl)
	}
	for _, name := range named(store, "erasures/") {
		if n := len(store.Bytes(name)); n > 1<<20 {
			t.Errorf("%s has %d bytes", name, n)
		}
	}
}

// A writer's key cannot sign erasures, one of another keeper has no effect, a damaged one is an
// error, and erasures stay valid after keys are rotated.
func TestErasuresNeedTheOwner(t *testing.T) {
	a := newAttacked(t)
	e := statement.Erasure{Accounts: []string{a.r.AccountDir("me")}}
	if err := a.thief.R.Erase(t.Context(), e); !errors.Is(err, repo.ErrNoRole) {
		t.Errorf("a writer erases: %v", err)
	}
	name, stored, err := a.thief.Erasure(e)
	if err != nil {
		t.Fatal(err)
	}
	a.store.Replace(name, stored)
	all, err := a.r.Erasures(t.Context())
	if _, erased := all.Account(e.Accounts[0]); erased || err != nil {
		t.Errorf("a forged erasure: %+v, %v", all, err)
	}
	if err := a.r.Erase(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if _, err := a.r.Rotate(t.Context(), rotation()); err != nil {
		t.Fatal(err)
	}
	r, err := a.open(t, true)
	if err != nil {
		t.Fatal(err)
	}
	all, err = r.Erasures(t.Context())
	if _, erased := all.Account(r.AccountDir("me")); err != nil || !erased {
		t.Errorf("after a rotation: %+v, %v", all, err)
	}
	names := named(a.store, "erasures/")
	flip(a.store, names[slices.IndexFunc(names, func(n string) bool { return n != name })])
	host := repo.On(r, a.store, t.TempDir())
	defer host.Close()
	if _, err := host.Erasures(t.Context()); !errors.Is(err, repo.ErrDamaged) || !strings.Contains(err.Error(), "erasures/") {
		t.Errorf("a damaged erasure: %v", err)
	}
}

// Of several marks of a manifest, the oldest determines the time, and any of them can erase it.
func TestErasingMarks(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, sealedOptions())
	_, h, _ := mustBackup(t, r, "me", 1, 5)
	if err := r.Mark(t.Context(), h, nil); err != nil {
		t.Fatal(err)
	}
	before, err := r.Marks(t.Context())
	if err != nil || before[h.Name].Erased {
		t.Fatalf("%+v, %v", before, err)
	}
	store.Advance(time.Hour)
	if err := r.MarkErased(t.Context(), []statement.Marked{{Manifest: h.Name}}); err != nil {
		t.Fatal(err)
	}
	marks, err := r.Marks(t.Context())
	if err != nil || !marks[h.Name].Erased || !marks[h.Name].Since.Equal(before[h.Name].Since) {
		t.Errorf("%+v, %v, before %+v", marks[h.Name], err, before[h.Name])
	}
}
