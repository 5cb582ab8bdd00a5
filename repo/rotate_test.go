package repo_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"golang.org/x/crypto/ssh"

	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/internal/access"
	"github.com/mailstrata/mailstrata/repo/keys"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

func openWith(t *testing.T, store store.Store, id age.Identity) (*repo.Repo, error) {
	t.Helper()
	r, err := repo.Open(t.Context(), store, repo.Unlock{Identities: []age.Identity{id}}, repo.Options{CacheDir: t.TempDir()})
	if err == nil {
		t.Cleanup(func() { r.Close() })
	}
	return r, err
}

func rotation() repo.Rotation {
	return repo.Rotation{Passphrase: unlocked().Passphrase, ScryptWork: easy}
}

// After a rotation, every remaining key reads old and new mail. A removed key reads the old mail
// that it had access to, and nothing newer.
func TestRotate(t *testing.T) {
	a := newAttacked(t)
	leaver := newKey(t)
	if _, err := a.r.AddSlot(t.Context(), repo.RoleOwner, leaver.Recipient(), "leaves"); err != nil {
		t.Fatal(err)
	}
	left, err := openWith(t, a.store, leaver)
	if err != nil {
		t.Fatal(err)
	}
	slots, err := a.r.Slots(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.r.RemoveSlot(t.Context(), slots[len(slots)-1].Name); err != nil {
		t.Fatal(err)
	}
	during := repo.On(a.r, a.store, t.TempDir()) // a run that began before
	t.Cleanup(func() { during.Close() })
	if _, err := a.r.Rotate(t.Context(), rotation()); err != nil {
		t.Fatal(err)
	}
	meanwhile, _, _ := mustBackup(t, during, "other", 7, 20)
	since, _, stats := mustBackup(t, a.r, "me", 2, 20)
	if stats.Chunks == 0 {
		t.Error("nothing was stored")
	}
	if _, _, again := mustBackup(t, a.r, "me", 1, 20); again.Chunks != 0 {
		t.Errorf("%d chunks were stored again", again.Chunks)
	}
	for name, unlock := range map[string]repo.Unlock{
		"passphrase": unlocked(), "key file": {Identities: []age.Identity{a.owner}},
	} {
		r, err := a.open(t, true, func(u *repo.Unlock, _ *repo.Options) { *u = unlock })
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		mustRead(t, r, a.content)
		mustRead(t, r, meanwhile)
		mustRead(t, r, since)
		mustBeSound(t, r)
		if r.Fingerprint() != a.r.Fingerprint() {
			t.Errorf("%s: another fingerprint", name)
		}
	}
	if r, err := openWith(t, a.store, a.writer); err != nil || r.CanRead() {
		t.Errorf("the writer's: %v", err)
	}
	if _, err := openWith(t, a.store, leaver); err == nil {
		t.Error("the removed key opens the repository")
	}
	mustRead(t, left, a.content)
	host := repo.On(left, a.store, t.TempDir())
	defer host.Close()
	for id := range since {
		if _, err := host.Reader(repo.ReaderOptions{}).Chunk(t.Context(), id); err == nil {
			t.Fatal("the removed key reads newer mail")
		}
		break
	}
}

// A new keeper signs the statements of the old one again, and those of the old one no longer count.
func TestRotateTheKeeper(t *testing.T) {
	a := newAttacked(t)
	if err := a.r.Mark(t.Context(), a.head, nil); err != nil {
		t.Fatal(err)
	}
	packs := slices.Collect(packIDs(a.store))
	if err := a.r.Condemn(t.Context(), packs[:1]); err != nil {
		t.Fatal(err)
	}
	if err := a.r.Tag(t.Context(), a.head, []string{"move"}, nil); err != nil {
		t.Fatal(err)
	}
	former := repo.On(a.r, a.store, t.TempDir())
	defer former.Close()
	before := a.r.Fingerprint()
	how := rotation()
	how.Keeper = true
	if _, err := a.r.Rotate(t.Context(), how); err != nil {
		t.Fatal(err)
	}
	if a.r.Fingerprint() == before {
		t.Error("the fingerprint is the same")
	}
	elsewhere := func(_ *repo.Unlock, o *repo.Options) { o.StateDir = t.TempDir(); o.Trust = before }
	if _, err := a.open(t, true, elsewhere); !errors.Is(err, repo.ErrUntrusted) {
		t.Errorf("a host that knew the old one: %v", err)
	}
	if err := former.Condemn(t.Context(), packs[1:2]); err != nil {
		t.Fatal(err)
	}
	r, err := a.open(t, true) // this host made the change
	if err != nil {
		t.Fatal(err)
	}
	marks, err := r.Marks(t.Context())
	if err != nil || len(marks) != 1 || marks[a.head.Name].Manifest == "" {
		t.Errorf("marks: %v, %v", marks, err)
	}
	if tags, err := r.Tags(t.Context()); err != nil || len(tags) != 1 {
		t.Errorf("tags: %v, %v", tags, err)
	}
	condemned, err := r.Condemned(t.Context())
	if _, ok := condemned[packs[0]]; err != nil || len(condemned) != 1 || !ok {
		t.Errorf("condemned: %v, %v", condemned, err)
	}
}

// A rotation needs the passphrase of each slot that has one. Without it, nothing changes.
func TestRotateNeedsThePassphrases(t *testing.T) {
	a := newAttacked(t)
	another, err := keys.PassphraseRecipient([]byte("another"), easy)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.r.AddSlot(t.Context(), repo.RoleOwner, another, "second"); err != nil {
		t.Fatal(err)
	}
	before := a.store.Names()
	if _, err := a.r.Rotate(t.Context(), rotation()); err == nil || !strings.Contains(err.Error(), "passphrase that was not given") {
		t.Error(err)
	}
	if !slices.Equal(before, a.store.Names()) {
		t.Error("something was changed")
	}
}

// Keys of every kind open the repository, and a rotation renews their slots without having the
// keys.
func TestKeysOfEveryKind(t *testing.T) {
	a := newAttacked(t)
	x25519, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	edPEM, err := ssh.MarshalPrivateKey(edKey, "")
	if err != nil {
		t.Fatal(err)
	}
	rsaPEM := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey)}
	hybrid := newKey(t)
	kinds := map[string]struct{ recipient, keyFile string }{
		"age":         {x25519.Recipient().String(), x25519.String()},
		"age, hybrid": {hybrid.Recipient().String(), hybrid.String()},
		"ssh-ed25519": {publicSSH(t, edKey.Public()) + " anna@home", string(pem.EncodeToMemory(edPEM))},
		"ssh-rsa":     {publicSSH(t, rsaKey.Public()), string(pem.EncodeToMemory(rsaPEM))},
	}
	for kind, key := range kinds {
		recipient, err := keys.ParseRecipient(key.recipient)
		if err != nil {
			t.Fatal(kind, err)
		}
		if _, err := a.r.AddSlot(t.Context(), repo.RoleOwner, recipient, kind); err != nil {
			t.Fatal(kind, err)
		}
	}
	for range 2 {
		for kind, key := range kinds {
			file, err := keys.ParseFile(strings.NewReader(key.keyFile))
			if err != nil {
				t.Fatal(kind, err)
			}
			r, err := openWith(t, a.store, file.Identities[0])
			if err != nil {
				t.Fatal(kind, err)
			}
			mustRead(t, r, a.content)
			slots, err := r.Slots(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(slots, func(s repo.Slot) bool { return s.Current })
			if s := slots[i]; s.Kind != kind || s.Label != kind || s.Role != repo.RoleOwner || !strings.HasPrefix(key.recipient, s.Recipient) {
				t.Errorf("%s is listed as %+v", kind, s)
			}
		}
		if _, err := a.r.Rotate(t.Context(), rotation()); err != nil {
			t.Fatal(err)
		}
	}
}

func publicSSH(t *testing.T, key any) string {
	t.Helper()
	public, err := ssh.NewPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public)))
}

func TestNoRecipient(t *testing.T) {
	for _, text := range []string{"", "age1", "AGE-SECRET-KEY-1X", "ssh-dss AAAA", "ssh-ed25519", "a\nb", "ssh-ed25519 AAAA\nage1"} {
		if r, err := keys.ParseRecipient(text); err == nil {
			t.Errorf("%q is %v", text, r)
		}
	}
	r := mustInit(t, new(storetest.Memory), sealedOptions())
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	id, err := agessh.NewEd25519Identity(key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.AddSlot(t.Context(), repo.RoleOwner, id.Recipient(), ""); err == nil {
		t.Error("a recipient without a text was accepted: a rotation could not renew its slot")
	}
}

// If a change of keys is killed at any operation, all keys that should stay still open the
// repository and read all mail.
func TestCrashDuringKeyChange(t *testing.T) {
	base := newAttacked(t)
	for name, change := range map[string]func(*repo.Repo) error{
		"add": func(r *repo.Repo) error {
			_, err := r.AddSlot(t.Context(), repo.RoleWriter, newKey(t).Recipient(), "x")
			return err
		},
		"remove": func(r *repo.Repo) error {
			slots, err := r.Slots(t.Context())
			if err != nil {
				return err
			}
			i := slices.IndexFunc(slots, func(s repo.Slot) bool { return s.Role == repo.RoleWriter })
			return r.RemoveSlot(t.Context(), slots[i].Name)
		},
		"rotate": func(r *repo.Repo) error {
			how := rotation()
			how.Keeper = true
			_, err := r.Rotate(t.Context(), how)
			return err
		},
	} {
		for _, fault := range []storetest.Fault{storetest.Refuse, storetest.Lose} {
			t.Run(fmt.Sprint(name, fault), func(t *testing.T) {
				for n := 1; ; n++ {
					store := base.store.Clone()
					faulty := &storetest.Faulty{Store: store, Fail: storetest.CrashAt(n, fault)}
					r := repo.On(base.r, faulty, t.TempDir())
					err := change(r)
					r.Close()
					done := faulty.Ops() < n
					if done != (err == nil) {
						t.Fatalf("operation %d failed, and the change returns: %v", n, err)
					}
					again, err := openWith(t, store, base.owner)
					if err != nil {
						t.Fatalf("after operation %d failed: %v", n, err)
					}
					mustRead(t, again, base.content)
					if _, _, _, err := backup(t.Context(), t, again, "me", 3, 3); err != nil {
						t.Fatalf("after operation %d failed: %v", n, err)
					}
					if done {
						break
					}
				}
			})
		}
	}
}

// Two owners change keys at the same time. Neither change is undone without an error.
func TestConcurrentKeyChanges(t *testing.T) {
	a := newAttacked(t)
	other := repo.On(a.r, a.store, t.TempDir())
	defer other.Close()
	if _, err := a.r.AddSlot(t.Context(), repo.RoleWriter, newKey(t).Recipient(), "first"); err != nil {
		t.Fatal(err)
	}
	if _, err := other.AddSlot(t.Context(), repo.RoleWriter, newKey(t).Recipient(), "second"); !errors.Is(err, access.ErrKeysChanged) {
		t.Error(err)
	}
	var between *repo.Repo
	store := &rival{Store: a.store, init: func() {
		if _, err := between.AddSlot(t.Context(), repo.RoleWriter, newKey(t).Recipient(), "third"); err != nil {
			t.Error(err)
		}
	}}
	between, late := repo.On(a.r, a.store, t.TempDir()), repo.On(a.r, store, t.TempDir())
	defer between.Close()
	defer late.Close()
	if _, err := late.AddSlot(t.Context(), repo.RoleWriter, newKey(t).Recipient(), "fourth"); !errors.Is(err, access.ErrKeysChanged) {
		t.Error(err)
	}
}

// Processes of one host commit at the same time. The host remembers the newest manifest of each
// account.
func TestConcurrentCommitsAreRemembered(t *testing.T) {
	a := newAttacked(t)
	var hosts []*repo.Repo
	for range 4 {
		r, err := a.open(t, true)
		if err != nil {
			t.Fatal(err)
		}
		hosts = append(hosts, r)
	}
	done := make(chan repo.Head)
	for i, r := range hosts {
		go func() {
			var h repo.Head
			for range 5 {
				_, h, _, _ = backup(t.Context(), t, r, fmt.Sprint(i), uint64(i), 1)
			}
			done <- h
		}()
	}
	for range hosts {
		h := <-done
		if err := a.store.Delete(t.Context(), h.Name); err != nil {
			t.Fatal(err)
		}
	}
	for i := range hosts {
		run, err := a.r.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, lost, err := run.Lost(t.Context(), fmt.Sprint(i)); err != nil || !lost {
			t.Errorf("account %d: lost %v, %v", i, lost, err)
		}
	}
}
