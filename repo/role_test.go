package repo_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/keys"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// TestRoles checks what each kind of key can do, as the docs list it.
func TestRoles(t *testing.T) {
	store := new(storetest.Memory)
	owner, writer := newKey(t), newKey(t)
	classic, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	o := sealedOptions()
	o.Owners = []age.Recipient{owner.Recipient()}
	o.Writers = []age.Recipient{writer.Recipient(), classic.Recipient()}
	r := mustInit(t, store, o)
	c, _, _ := mustBackup(t, r, "me", 1, 60)
	for _, test := range []struct {
		name   string
		unlock repo.Unlock
		reads  bool
	}{
		{"passphrase", unlocked(), true},
		{"owner's key file", repo.Unlock{Identities: []age.Identity{owner}}, true},
		{"writer's key file", repo.Unlock{Identities: []age.Identity{writer}}, false},
		{"writer's classic key file", repo.Unlock{Identities: []age.Identity{newKey(t), classic}}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			host, err := repo.Open(t.Context(), store, test.unlock, repo.Options{CacheDir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			defer host.Close()
			if host.CanRead() != test.reads || host.CanRemove() != test.reads {
				t.Errorf("reads %v, keeps %v", host.CanRead(), host.CanRemove())
			}
			if host.Fingerprint() != r.Fingerprint() || host.ID() != r.ID() {
				t.Error("another repository")
			}
			_, h, s := mustBackup(t, host, "me", 1, 60) // every key can back up and deduplicate
			if s.Chunks != 0 {
				t.Errorf("%d chunks stored again", s.Chunks)
			}
			mustBackup(t, host, test.name, uint64(len(test.name)), 60)
			rd := host.Reader(repo.ReaderOptions{})
			i := 0
			for id := range c {
				_, err := rd.Chunk(t.Context(), id)
				locations, locateErr := host.Locate(t.Context(), append(idsOf(c), id))
				if locateErr != nil {
					t.Fatal(locateErr)
				}
				catalog := locations[len(locations)-1].Frame.Pack.Catalog
				if want := test.reads || catalog; (err == nil) != want || err != nil && !errors.Is(err, repo.ErrNoRole) {
					t.Errorf("reading a chunk (of the catalog: %v): %v", catalog, err)
				}
				if i++; i == 10 {
					break
				}
			}
			if err := host.Mark(t.Context(), h, nil); (err == nil) != test.reads {
				t.Errorf("marking: %v", err)
			}
			_, err = host.AddSlot(t.Context(), repo.RoleOwner, newKey(t).Recipient(), "x")
			if (err == nil) != test.reads || err != nil && !errors.Is(err, repo.ErrNoRole) {
				t.Errorf("making an owner: %v", err)
			}
			for _, p := range problems(t, host) {
				if !p.Kind.Harmless() || test.reads {
					t.Error(p)
				}
			}
		})
	}
}

func TestWrongKeys(t *testing.T) {
	store := new(storetest.Memory)
	mustInit(t, store, sealedOptions())
	wrong := func() ([]byte, error) { return []byte("wrong"), nil }
	for name, u := range map[string]repo.Unlock{
		"nothing":            {},
		"another passphrase": {Passphrase: wrong},
		"another key file":   {Identities: []age.Identity{newKey(t)}, Passphrase: wrong},
	} {
		if _, err := repo.Open(t.Context(), store, u, repo.Options{}); !errors.Is(err, repo.ErrWrongKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := repo.Open(t.Context(), new(storetest.Memory), unlocked(), repo.Options{}); !errors.Is(err, repo.ErrNoRepository) {
		t.Error(err)
	}
	if _, err := repo.Init(t.Context(), store, sealedOptions()); !errors.Is(err, repo.ErrRepository) {
		t.Error(err)
	}
}

func TestThePassphraseIsAskedForOnlyWhenNeeded(t *testing.T) {
	store := new(storetest.Memory)
	key := newKey(t)
	o := sealedOptions()
	o.Owners = []age.Recipient{key.Recipient()}
	mustInit(t, store, o)
	asked := errors.New("asked")
	u := repo.Unlock{Identities: []age.Identity{key}, Passphrase: func() ([]byte, error) { return nil, asked }}
	r, err := repo.Open(t.Context(), store, u, repo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	u.Identities = []age.Identity{newKey(t)}
	if _, err := repo.Open(t.Context(), store, u, repo.Options{}); !errors.Is(err, asked) {
		t.Error(err)
	}
}

// Slots are listed with their kinds and roles. One that is removed opens nothing, and the only
// owner's is not removed.
func TestSlots(t *testing.T) {
	store := new(storetest.Memory)
	r := mustInit(t, store, sealedOptions())
	key := newKey(t)
	name, err := r.AddSlot(t.Context(), repo.RoleWriter, key.Recipient(), "nightly")
	if err != nil {
		t.Fatal(err)
	}
	slots, err := r.Slots(t.Context())
	if err != nil || len(slots) != 2 {
		t.Fatal(slots, err)
	}
	for _, s := range slots {
		if (s.Kind == "passphrase") != (s.Role == repo.RoleOwner) || s.Current != (s.Role == repo.RoleOwner) || s.Missing {
			t.Errorf("%+v", s)
		}
		if s.Role == repo.RoleOwner {
			if err := r.RemoveSlot(t.Context(), s.Name); err == nil {
				t.Error("the only owner's slot was removed")
			}
		}
	}
	if err := r.RemoveSlot(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	u := repo.Unlock{Identities: []age.Identity{key}}
	if _, err := repo.Open(t.Context(), store, u, repo.Options{}); !errors.Is(err, repo.ErrWrongKey) {
		t.Error(err)
	}
}

func TestKeyFile(t *testing.T) {
	r := mustInit(t, new(storetest.Memory), sealedOptions())
	id := newKey(t)
	var file bytes.Buffer
	if err := keys.WriteFile(&file, id, r.ID(), r.Fingerprint()); err != nil {
		t.Fatal(err)
	}
	k, err := keys.ParseFile(&file)
	if err != nil || k.Repository != r.ID() || k.Fingerprint != r.Fingerprint() || len(k.Identities) != 1 {
		t.Fatalf("%+v, %v", k, err)
	}
	if fmt.Sprint(k.Identities[0]) != id.String() {
		t.Error("another identity")
	}
	_, err = keys.ParseFile(strings.NewReader("AGE-SECRET-KEY-1NONSENSE"))
	if err == nil || strings.Contains(err.Error(), "NONSENSE") {
		t.Errorf("a bad key file: %v", err)
	}
}

// A host recognizes its repository, and stops if another is in its place.
func TestSwappedRepository(t *testing.T) {
	state := t.TempDir()
	o := sealedOptions()
	o.StateDir, o.Location = state, "s3:https://example.org/mail"
	mine := new(storetest.Memory)
	r := mustInit(t, mine, o)
	theirs := new(storetest.Memory)
	swapped := mustInit(t, theirs, sealedOptions()) // even with the same passphrase

	options := repo.Options{StateDir: state, Location: o.Location, CacheDir: t.TempDir()}
	if _, err := repo.Open(t.Context(), theirs, unlocked(), options); !errors.Is(err, repo.ErrSwapped) {
		t.Errorf("a swapped repository: %v", err)
	}
	u := unlocked()
	u.Fingerprint = r.Fingerprint() // a key file has it
	if _, err := repo.Open(t.Context(), theirs, u, repo.Options{}); !errors.Is(err, repo.ErrSwapped) {
		t.Errorf("a swapped repository, by key file: %v", err)
	}
	if again, err := repo.Open(t.Context(), mine, u, options); err != nil {
		t.Error(err)
	} else {
		again.Close()
	}
	options.Trust = swapped.Fingerprint()
	again, err := repo.Open(t.Context(), theirs, unlocked(), options)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	options.Trust = ""
	if _, err := repo.Open(t.Context(), mine, unlocked(), options); !errors.Is(err, repo.ErrSwapped) {
		t.Errorf("after another was trusted: %v", err)
	}
}

// A host reports that the newest manifest that it remembers is gone.
func TestLostManifest(t *testing.T) {
	store := new(storetest.Memory)
	o := sealedOptions()
	o.StateDir, o.Location = t.TempDir(), "here"
	r := mustInit(t, store, o)
	_, first, _ := mustBackup(t, r, "me", 1, 5)
	check := func(want bool) {
		t.Helper()
		run, err := r.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		name, lost, err := run.Lost(t.Context(), "me")
		if err != nil || lost != want || lost && name != first.Name {
			t.Errorf("lost %q: %v, %v", name, lost, err)
		}
	}
	check(false)
	if err := store.Delete(t.Context(), first.Name); err != nil {
		t.Fatal(err)
	}
	check(true)
	if err := r.Mark(t.Context(), first, nil); err != nil {
		t.Fatal(err)
	}
	check(false) // it was marked
}

// An attacker who can write to the store puts an unsealed repository there. A host with a key file
// does not write mail to it.
func TestAKeyFileDoesNotOpenAnUnsealedRepository(t *testing.T) {
	store := new(storetest.Memory)
	mustInit(t, store, repo.InitOptions{NoSeal: true})
	u := repo.Unlock{Identities: []age.Identity{newKey(t)}}
	if _, err := repo.Open(t.Context(), store, u, repo.Options{}); !errors.Is(err, repo.ErrSwapped) {
		t.Error(err)
	}
}
