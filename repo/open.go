package repo

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"filippo.io/age"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/index"
	"github.com/mailstrata/mailstrata/repo/objectlock"
	"github.com/mailstrata/mailstrata/repo/store"
	"golang.org/x/sync/errgroup"
)

// Repo is an open repository. It may be used by several goroutines at once.
type Repo struct {
	objects
	held    *slot              // the key slot that opened it
	keeper  ed25519.PrivateKey // nil if the slot has none
	config  config
	cutter  *chunk.Cutter
	hashers sync.Pool // of *chunk.Hasher, for chunk IDs
	options Options

	slotName, configName string    // of the objects that opened it
	rejected             []Problem // configs that were passed over
	untrusted            bool      // neither this host nor a key file nor the user vouches for the repository
	noLocks              error     // why this host's memory of the repository is not locked; nil if it is

	indexOnce sync.Mutex
	index     *index.Index // nil until it is needed

	manifestRead atomic.Int64 // when the last manifest was read, by this host's clock, in nanoseconds
}

// Options say where a host keeps what it remembers of a repository.
type Options struct {
	// CacheDir is for what can be had again: the index, small objects, objects on their way. Empty: a temporary
	// directory that goes with the Repo.
	CacheDir string

	// StateDir is for what this host knows of the repository and the store must not be able to change: its fingerprint
	// and the newest manifests. Empty: nothing is remembered.
	StateDir string

	// Location is the store's URL, without secrets: what StateDir knows it by.
	Location string

	// Trust is the fingerprint that the repository must have, whatever this host or the key file remembers. The owner
	// says so once, after a change of his, or on a host that has not seen the repository.
	Trust string
}

// Unlock is what opens a key slot.
type Unlock struct {
	// Identities of key files are tried first.
	Identities []age.Identity

	// Fingerprint is the one that the key file carries; empty: none.
	Fingerprint string

	// Sealed refuses a repository that is not sealed: somebody expects his passphrase to be needed.
	Sealed bool

	// Passphrase is asked for only where no identity opens a slot and there is a slot for a passphrase.
	Passphrase func() ([]byte, error)
}

// Open opens the repository in a store.
func Open(ctx context.Context, store store.Store, u Unlock, o Options) (*Repo, error) {
	v := objectlock.New(store, nil)
	r, err := open(ctx, v, u)
	if (errors.Is(err, ErrNoRepository) || errors.Is(err, ErrWrongKey)) && (v.Hides(ctx, format.KindConfig.Folder()) || v.Hides(ctx, format.KindKey.Folder())) {
		// Who may delete may have hidden all of it. Under lock nothing can be hidden.
		v.ShowHidden()
		if hidden, failed := open(ctx, v, u); failed == nil && hidden.config.Lock != nil {
			r, err = hidden, nil
		}
	}
	if err != nil {
		return nil, err
	}
	r.store = objectlock.New(store, r.config.lock())
	return r, r.finishOpen(o, u.Fingerprint)
}

func open(ctx context.Context, store *objectlock.Store, u Unlock) (*Repo, error) {
	names, err := configNames(ctx, store)
	if err != nil {
		return nil, err
	}
	decoder, err := format.NewFrameDecoder()
	if err != nil {
		return nil, err
	}
	first := async(func() ([]byte, error) { return fetch(ctx, store, names[0]) }) // mostly it is the one
	defer first()
	slots, damage, err := fetchSlots(ctx, store)
	if err != nil {
		return nil, err
	}
	confirm := func(r *Repo) error {
		return r.findConfig(names, func(name string) ([]byte, error) {
			if name == names[0] {
				return first()
			}
			return fetch(ctx, store, name)
		})
	}
	r, err := unlock(slots, u, decoder, confirm)
	if errors.Is(err, ErrWrongKey) && damage != nil {
		return nil, fmt.Errorf("%w; no other key slot opens with this passphrase or key file", damage)
	}
	if err != nil {
		return nil, err
	}
	if (u.Sealed || len(u.Identities) > 0) && !r.Sealed() {
		return nil, fmt.Errorf("%w: a passphrase or a key file was given, but this repository is not sealed", ErrSwapped)
	}
	return r, nil
}

// storedSlot is an object in keys/ as it is stored.
type storedSlot struct {
	name   string
	bytes  []byte
	damage error
}

// fetchSlots reads all key slots, the owner's first. One that is damaged does not keep others from opening; damage tells
// of it, in case that none does.
func fetchSlots(ctx context.Context, store *objectlock.Store) (slots []storedSlot, damage error, err error) {
	var found []*storedSlot
	group, fetching := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for o, failed := range store.List(ctx, format.KindKey.Folder()) {
		if failed != nil {
			err = fmt.Errorf("list the key slots: %w", failed)
			break
		}
		if _, ok := format.KindOf(o.Name); !ok {
			continue // somebody else's
		}
		s := &storedSlot{name: o.Name}
		found = append(found, s)
		group.Go(func() error { return s.fetch(fetching, store) })
	}
	if failed := group.Wait(); cmp.Or(err, failed) != nil {
		return nil, nil, cmp.Or(err, failed)
	}
	for _, s := range found {
		damage = cmp.Or(damage, s.damage)
		if s.bytes != nil {
			slots = append(slots, *s)
		}
	}
	slices.SortStableFunc(slots, func(a, b storedSlot) int { return cmp.Compare(a.name, b.name) }) // owner, writer
	return sealedFirst(slots), damage, nil
}

// fetch reads the slot. One that was removed just now has no bytes, and neither has one that is damaged.
func (s *storedSlot) fetch(ctx context.Context, st *objectlock.Store) error {
	stored, err := fetch(ctx, st, s.name)
	switch {
	case err == nil:
		s.bytes = stored
	case errors.Is(err, format.ErrDamaged):
		s.damage = fmt.Errorf("read %s: %w", s.name, err)
	case !errors.Is(err, store.ErrNotExist):
		return fmt.Errorf("read %s: %w", s.name, err)
	}
	return nil
}

// sealedFirst leaves out slots that are not sealed where others are: who can put objects, but has no key, must not make
// us take a repository of his own, without sealing, for one that asks for a key.
func sealedFirst(slots []storedSlot) []storedSlot {
	sealed := func(s storedSlot) bool { return format.IsSealed(s.bytes) }
	if slices.ContainsFunc(slots, sealed) {
		slots = slices.DeleteFunc(slots, func(s storedSlot) bool { return !sealed(s) })
	}
	return slots
}

// unlock finds a slot that opens and whose secrets the config confirms.
func unlock(slots []storedSlot, u Unlock, d *format.FrameDecoder, confirm func(*Repo) error) (*Repo, error) {
	r, err := tryIdentities(slots, u.Identities, d, confirm)
	if r != nil || u.Passphrase == nil || !slices.ContainsFunc(slots, func(s storedSlot) bool { return format.SealedToPassphrase(s.bytes) }) {
		return r, err
	}
	passphrase, err := u.Passphrase()
	if err != nil {
		return nil, err
	}
	id, err := age.NewScryptIdentity(string(passphrase))
	if err != nil {
		return nil, ErrWrongKey
	}
	return tryIdentities(slots, []age.Identity{id}, d, confirm)
}

// tryIdentities takes the slot whose config counts most. Usually that is the first that opens.
func tryIdentities(slots []storedSlot, ids []age.Identity, d *format.FrameDecoder, confirm func(*Repo) error) (best *Repo, err error) {
	failed := ErrWrongKey
	for _, s := range slots {
		r, err := openSlot(s, d, ids)
		switch {
		case err == nil:
			err = confirm(r)
		case errors.Is(err, format.ErrNotMine):
			continue // a slot of somebody else is what most are; only what else is wrong is worth telling
		default:
			err = fmt.Errorf("open %s: %w", s.name, err)
		}
		switch {
		case err == nil && len(r.rejected) == 0:
			return r, nil
		case err == nil && (best == nil || len(r.rejected) < len(best.rejected)):
			best = r
		case err != nil && errors.Is(failed, ErrWrongKey):
			failed = err
		}
	}
	if best != nil {
		return best, nil
	}
	return nil, failed
}

// finishOpen finishes Init and Open: the directories, and what this host knows of the repository.
func (r *Repo) finishOpen(o Options, keyFingerprint string) (err error) {
	r.options = o
	vouched, missing, err := r.memory().check(o.Trust, keyFingerprint)
	if err != nil {
		return err
	}
	r.untrusted, r.noLocks = !vouched, missing
	r.cache, err = openCache(o.CacheDir, r.codec.Repository)
	return err
}

// Close gives back files; it touches nothing in the store.
func (r *Repo) Close() error {
	r.indexOnce.Lock()
	defer r.indexOnce.Unlock()
	if r.index != nil {
		r.index.Close()
		r.index = nil
	}
	return r.cache.close()
}

// ID is the repository's, as hexadecimal digits.
func (r *Repo) ID() string { return hex.EncodeToString(r.codec.Repository[:]) }

// Fingerprint stands for the repository's keys and recipients.
func (r *Repo) Fingerprint() string { return r.fingerprint() }

// Role is what the key at hand allows.
func (r *Repo) Role() Role { return r.held.Role }

// Untrusted reports that nothing which this host has vouches for the repository: it was not seen here before, and neither
// a key file nor the user named its fingerprint.
func (r *Repo) Untrusted() bool { return r.untrusted }

// NoLocks returns an error if the file system of Options.StateDir has no locks. Then two commands of this host can write its
// memory of the repository at the same time.
func (r *Repo) NoLocks() error { return r.noLocks }

// Sealed reports whether objects are sealed.
func (r *Repo) Sealed() bool { return r.seals.sealed() }

// CanRead reports whether mail can be read, not only archived.
func (r *Repo) CanRead() bool { return !r.Sealed() || r.seals.reader != nil }

// CanRemove reports whether what removes can be signed.
func (r *Repo) CanRemove() bool { return r.keeper != nil }

// Cutter cuts by the repository's polynomial.
func (r *Repo) Cutter() *chunk.Cutter { return r.cutter }

// ChunkKey is the key of chunk IDs.
func (r *Repo) ChunkKey() chunk.Key { return r.codec.Keys.Chunk }

// chunkID is what a chunk of these bytes is called.
func (r *Repo) chunkID(data []byte) chunk.ID {
	h, ok := r.hashers.Get().(*chunk.Hasher)
	if !ok {
		h = r.codec.Keys.Chunk.New()
	}
	defer r.hashers.Put(h)
	return h.ID(data)
}

// MessageKey is the key of message hashes.
func (r *Repo) MessageKey() chunk.Key { return r.codec.Keys.Message }

// MessageHasher hashes a message that comes in pieces.
func (r *Repo) MessageHasher() *chunk.Hasher { return r.codec.Keys.Message.New() }

// AccountDir is the name under which the manifests of an account are kept: it does not tell the account's.
func (r *Repo) AccountDir(account string) string {
	id := r.codec.Keys.Account.Sum([]byte(account))
	return hex.EncodeToString(id[:16])
}

// CacheDir is a directory of this repository's own for what can be had again.
func (r *Repo) CacheDir() string {
	dir, _ := r.cache.place()
	return dir
}

// Remember is a directory of this repository's own, made where it is missing, for what this host must not forget.
// Empty where no StateDir was given.
func (r *Repo) Remember() (string, error) {
	if r.options.StateDir == "" {
		return "", nil
	}
	dir := strings.TrimSuffix(r.options.StateDir, "/") + "/" + r.ID()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the state directory: %w", err)
	}
	return dir, nil
}
