package repo_test

import (
	"crypto/ed25519"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/internal/access"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// attacked is a sealed repository with an owner's passphrase, an owner's key file, a writer's key
// file, one backup, and a host that remembers it.
type attacked struct {
	store         *storetest.Memory
	owner, writer *age.HybridIdentity
	r             *repo.Repo // as the owner opens it
	thief         *repo.Thief
	loot          *age.HybridIdentity // identity of the thief
	state         string
	content       content
	head          repo.Head
}

const attackedPlace = "s3:https://example.org/mail"

func newAttacked(t *testing.T) *attacked {
	t.Helper()
	a := &attacked{store: new(storetest.Memory), owner: newKey(t), writer: newKey(t), loot: newKey(t), state: t.TempDir()}
	o := sealedOptions()
	o.Owners, o.Writers = []age.Recipient{a.owner.Recipient()}, []age.Recipient{a.writer.Recipient()}
	o.StateDir, o.Location = a.state, attackedPlace
	a.r = mustInit(t, a.store, o)
	a.content, a.head, _ = mustBackup(t, a.r, "me", 1, 20)
	stolen, err := repo.Open(t.Context(), a.store, repo.Unlock{Identities: []age.Identity{a.writer}}, repo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stolen.Close() })
	_, keeper, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	a.thief = &repo.Thief{R: stolen, Keeper: keeper, Reader: a.loot.Recipient().String()}
	return a
}

// open opens the repository with the owner's key file on the host that remembers it, or on a new
// host.
func (a *attacked) open(t *testing.T, known bool, change ...func(*repo.Unlock, *repo.Options)) (*repo.Repo, error) {
	t.Helper()
	u, o := repo.Unlock{Identities: []age.Identity{a.owner}}, repo.Options{CacheDir: t.TempDir()}
	if known {
		o.StateDir, o.Location = a.state, attackedPlace
	}
	for _, c := range change {
		c(&u, &o)
	}
	r, err := repo.Open(t.Context(), a.store, u, o)
	if err == nil {
		t.Cleanup(func() { r.Close() })
	}
	return r, err
}

// mustBeOursBut checks a repository to which an attacker added an object. Open succeeds, mail can
// be read, Open and a check report the object, and writing is refused.
func (a *attacked) mustBeOursBut(t *testing.T, known bool, object string) {
	t.Helper()
	r, err := a.open(t, known)
	if err != nil {
		t.Fatal(err)
	}
	if r.Fingerprint() != a.r.Fingerprint() {
		t.Error("the keeper changed")
	}
	mustRead(t, r, a.content)
	names := func(p repo.Problem) bool { return p.Object == object && !p.Kind.Harmless() }
	if !slices.ContainsFunc(r.RejectedConfigs(), names) {
		t.Errorf("rejected configs: %v", r.RejectedConfigs())
	}
	if found := problems(t, r); !slices.ContainsFunc(found, names) {
		t.Errorf("a check found %v", found)
	}
	_, _, _, err = backup(t.Context(), t, r, "me", 2, 5)
	if !errors.Is(err, repo.ErrConfigRejected) || !strings.Contains(err.Error(), object) {
		t.Errorf("a run: %v", err)
	}
	if _, err := r.AddSlot(t.Context(), repo.RoleOwner, newKey(t).Recipient(), "x"); !errors.Is(err, repo.ErrConfigRejected) {
		t.Errorf("adding a key: %v", err)
	}
	trusting := func(_ *repo.Unlock, o *repo.Options) { o.Trust = a.r.Fingerprint() }
	if r, err = a.open(t, known, trusting); err != nil {
		t.Fatal(err)
	}
	mustBackup(t, r, "me", 2, 5)
}

// A thief with a writer's key can make objects with a valid tag. He cannot make hosts seal mail to
// his own recipient.
func TestAttackSwappedRecipients(t *testing.T) {
	a := newAttacked(t)
	for _, asKeeper := range []bool{false, true} {
		name, stored, err := a.thief.Config(7, asKeeper, nil)
		if err != nil {
			t.Fatal(err)
		}
		a.store.Replace(name, stored)
		a.mustBeOursBut(t, false, name)
		a.mustBeOursBut(t, true, name)
		if err := a.store.Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
}

// The same holds on a writer's host, which has no more keys than the thief.
func TestAttackSwappedRecipientsOfAWriter(t *testing.T) {
	a := newAttacked(t)
	name, stored, err := a.thief.Config(7, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	a.store.Replace(name, stored)
	r, err := a.open(t, false, func(u *repo.Unlock, _ *repo.Options) { u.Identities = []age.Identity{a.writer} })
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, err = backup(t.Context(), t, r, "me", 2, 5); !errors.Is(err, repo.ErrConfigRejected) {
		t.Errorf("a run: %v", err)
	}
}

// An attacker who can put objects, and has no key, cannot prevent the owner from reading mail.
func TestAttackConfigsWithoutKey(t *testing.T) {
	theirs := new(storetest.Memory)
	mustInit(t, theirs, sealedOptions())
	open := new(storetest.Memory)
	mustInit(t, open, repo.InitOptions{NoSeal: true})
	for what, stored := range map[string][]byte{
		"garbage": []byte("garbage"), "empty": {},
		"sealed": theirs.Bytes(named(theirs, "config/")[0]), "unsealed": open.Bytes(named(open, "config/")[0]),
	} {
		t.Run(what, func(t *testing.T) {
			a := newAttacked(t)
			name := "config/99999999-" + strings.Repeat("0", 64)
			a.store.Replace(name, stored)
			a.mustBeOursBut(t, false, name)
		})
	}
}

// The thief replaces the repository by one with the owner's slot, key and recipient, and another
// keeper.
func TestAttackReplacedKeysAndConfig(t *testing.T) {
	a := newAttacked(t)
	for _, folder := range []string{"config/", "keys/"} {
		for _, name := range named(a.store, folder) {
			if err := a.store.Delete(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
	}
	slot, hash, stored, err := a.thief.Slot(a.owner.Recipient(), a.loot.String())
	if err != nil {
		t.Fatal(err)
	}
	a.store.Replace(slot, stored)
	name, stored, err := a.thief.Config(1, true, &hash)
	if err != nil {
		t.Fatal(err)
	}
	a.store.Replace(name, stored)
	if _, err := a.open(t, true); !errors.Is(err, repo.ErrSwapped) {
		t.Errorf("a host that remembers it: %v", err)
	}
	byKeyFile := func(u *repo.Unlock, _ *repo.Options) { u.Fingerprint = a.r.Fingerprint() }
	if _, err := a.open(t, false, byKeyFile); !errors.Is(err, repo.ErrSwapped) {
		t.Errorf("a key file with the fingerprint: %v", err)
	}
	byHand := func(_ *repo.Unlock, o *repo.Options) { o.Trust = a.r.Fingerprint() }
	if _, err := a.open(t, false, byHand); !errors.Is(err, repo.ErrUntrusted) {
		t.Errorf("a user who gives the fingerprint: %v", err)
	}
	passphrase := func(u *repo.Unlock, _ *repo.Options) { *u = unlocked() }
	if _, err := a.open(t, false, passphrase); err == nil {
		t.Error("the passphrase opens a repository of the thief, who does not know it")
	}
	r, err := a.open(t, false) // a bare age identity on a host that has not seen the real repository
	if err != nil || !r.Untrusted() {
		t.Errorf("the unverified repository is not reported: %v", err)
	}
}

// A config from before a rotation is rejected if someone puts it back.
func TestAttackReplayedConfig(t *testing.T) {
	a := newAttacked(t)
	old := a.store.Clone()
	if _, err := a.r.Rotate(t.Context(), repo.Rotation{Passphrase: unlocked().Passphrase, ScryptWork: easy}); err != nil {
		t.Fatal(err)
	}
	newest := named(a.store, "config/")[1]
	if err := a.store.Delete(t.Context(), newest); err != nil {
		t.Fatal(err)
	}
	if _, err := a.open(t, false); !errors.Is(err, repo.ErrSwapped) {
		t.Errorf("a slot of a later config: %v", err)
	}
	for _, name := range named(old, "keys/") {
		a.store.Replace(name, old.Bytes(name))
	}
	if _, err := a.open(t, true); !errors.Is(err, repo.ErrSwapped) {
		t.Errorf("a host that remembers the later one: %v", err)
	}
}

// A slot that was removed opens nothing, even if the store kept it or someone put it back.
func TestAttackReplayedSlot(t *testing.T) {
	a := newAttacked(t)
	slots, err := a.r.Slots(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(slots, func(s repo.Slot) bool { return s.Role == repo.RoleOwner && s.Recipient != "" })
	stored := a.store.Bytes(slots[i].Name)
	if err := a.r.RemoveSlot(t.Context(), slots[i].Name); err != nil {
		t.Fatal(err)
	}
	a.store.Replace(slots[i].Name, stored)
	if _, err := a.open(t, false); !errors.Is(err, access.ErrRemoved) {
		t.Error(err)
	}
	strange := func(p repo.Problem) bool { return p.Object == slots[i].Name }
	if found := problems(t, a.r); !slices.ContainsFunc(found, strange) {
		t.Errorf("a check found %v", found)
	}
}

func TestAttackForgedStatements(t *testing.T) {
	a := newAttacked(t)
	pack := slices.Collect(packIDs(a.store))
	markName, mark, err := a.thief.Statement(a.head.Name)
	if err != nil {
		t.Fatal(err)
	}
	condemnationName, condemnation, err := a.thief.Statement("", pack[0])
	if err != nil {
		t.Fatal(err)
	}
	a.store.Replace(markName, mark)
	a.store.Replace(condemnationName, condemnation)
	r, err := a.open(t, true)
	if err != nil {
		t.Fatal(err)
	}
	if marks, err := r.Marks(t.Context()); err != nil || len(marks) > 0 {
		t.Errorf("marks: %v, %v", marks, err)
	}
	if condemned, err := r.Condemned(t.Context()); err != nil || len(condemned) > 0 {
		t.Errorf("condemned: %v, %v", condemned, err)
	}
	found := problems(t, r)
	for _, name := range []string{markName, condemnationName} {
		if !slices.ContainsFunc(found, func(p repo.Problem) bool { return p.Object == name && p.Kind == repo.Broken }) {
			t.Errorf("a check does not name %s: %v", name, found)
		}
	}
}

// Anyone who knows the recipients can seal to them, but cannot make a valid tag without the secret.
func TestAttackForgedManifest(t *testing.T) {
	a := newAttacked(t)
	content, err := encodeManifest(t, a.head.Time.Add(repo.Lifetime), nil)(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	name, stored, err := repo.Stranger(a.r, "me", content)
	if err != nil {
		t.Fatal(err)
	}
	a.store.Replace(name, stored)
	r, err := a.open(t, true)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for h, err := range r.Manifests(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Manifest(t.Context(), h); errors.Is(err, repo.ErrNotMine) != (h.Name == name) {
			t.Errorf("%s: %v", h.Name, err)
		}
		n++
	}
	if n != 2 {
		t.Errorf("%d manifests are listed", n)
	}
}

// A host that expects a sealed repository does not open an unsealed one, which someone may have put
// in its place.
func TestAttackUnsealedRepository(t *testing.T) {
	store := new(storetest.Memory)
	mustInit(t, store, repo.InitOptions{NoSeal: true})
	u := unlocked()
	u.Sealed = true
	if _, err := repo.Open(t.Context(), store, u, repo.Options{}); !errors.Is(err, repo.ErrSwapped) {
		t.Error(err)
	}
}
