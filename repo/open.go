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

	slotName, configName string    // names of the objects that opened it
	rejected             []Problem // configs that Open passed over
	untrusted            bool      // neither this host nor a key file nor the user vouches for the repository
	noLocks              error     // why the memory file is not locked, or nil

	indexOnce sync.Mutex
	index     *index.Index // nil until it is needed first

	manifestRead atomic.Int64 // when a manifest was last read, by this host's clock, in nanoseconds
}

// Options say where a host keeps what it remembers of a repository.
type Options struct {
	// CacheDir holds what can be fetched again: the index, small objects, and packs before they are uploaded. If it is empty,
	// the Repo uses a temporary directory and removes it on Close.
	CacheDir string

	// StateDir holds what this host remembers of the repository and the store must not be able to change: its fingerprint
	// and the newest manifests. If it is empty, the host remembers nothing.
	StateDir string

	// Location is the store's URL without secrets. StateDir remembers the repository under it.
	Location string

	// Trust is the fingerprint that the repository must have, whatever this host or the key file remembers. The owner sets it
	// once, after changing the keeper, or on a new host.
	Trust string
}

// Unlock says what opens a key slot.
type Unlock struct {
	// Identities, from key files, are tried first.
	Identities []age.Identity

	// Fingerprint is the one that the key file names, or empty.
	Fingerprint string

	// Sealed refuses a repository that is not sealed, because the user expects to need a passphrase.
	Sealed bool

	// Passphrase is called only if no identity opens a slot and a slot takes a passphrase.
	Passphrase func() ([]byte, error)
}

// Open opens the repository in a store.
func Open(ctx context.Context, store store.Store, u Unlock, o Options) (*Repo, error) {
	v := objectlock.New(store, nil)
	r, err := open(ctx, v, u)
	if (errors.Is(err, ErrNoRepository) || errors.Is(err, ErrWrongKey)) && (v.Hides(ctx, format.KindConfig.Folder()) || v.Hides(ctx, format.KindKey.Folder())) {
		// An attacker who may delete can have hidden every config and slot. Under lock they are read all the same.
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
	first := async(func() ([]byte, error) { return fetch(ctx, store, names[0]) }) // usually the one that counts
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

// storedSlot is an object in keys/ as the store has it.
type storedSlot struct {
	name   string
	bytes  []byte
	damage error
}

// fetchSlots reads all key slots, the owners' first. A damaged slot does not keep others from opening: damage is the first
// error, in case no slot opens.
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
			continue // not an object of mailstrata
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

// fetch reads the slot. If it is damaged, or was just removed, it has no bytes.
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

// sealedFirst leaves out slots that are not sealed if others are. Otherwise an attacker who can put objects, but has no key,
// could make mailstrata use his own unsealed repository in place of one that asks for a key.
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

// tryIdentities opens the slot whose config has the highest number. Usually it is the first that opens.
func tryIdentities(slots []storedSlot, ids []age.Identity, d *format.FrameDecoder, confirm func(*Repo) error) (best *Repo, err error) {
	failed := ErrWrongKey
	for _, s := range slots {
		r, err := openSlot(s, d, ids)
		switch {
		case err == nil:
			err = confirm(r)
		case errors.Is(err, format.ErrNotMine):
			continue // most slots are for other keys; only other errors are worth reporting
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

// finishOpen opens the cache, and compares the repository with what this host remembers.
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

// Close closes the files of the cache. It changes nothing in the store.
func (r *Repo) Close() error {
	r.indexOnce.Lock()
	defer r.indexOnce.Unlock()
	if r.index != nil {
		r.index.Close()
		r.index = nil
	}
	return r.cache.close()
}

// ID returns the repository's ID in hexadecimal.
func (r *Repo) ID() string { return hex.EncodeToString(r.codec.Repository[:]) }

// Fingerprint returns a short hash of the repository's ID, keys and keeper.
func (r *Repo) Fingerprint() string { return r.fingerprint() }

// Role returns what the key that opened the repository allows.
func (r *Repo) Role() Role { return r.held.Role }

// Untrusted reports whether nothing vouches for the repository: this host has not seen it before, and neither a key file nor the
// user named its fingerprint.
func (r *Repo) Untrusted() bool { return r.untrusted }

// NoLocks returns an error if the file system of Options.StateDir has no locks, so that two commands of this host can write
// there at once.
func (r *Repo) NoLocks() error { return r.noLocks }

// Sealed reports whether objects are sealed.
func (r *Repo) Sealed() bool { return r.seals.sealed() }

// CanRead reports whether the key can read mail, and not only archive it.
func (r *Repo) CanRead() bool { return !r.Sealed() || r.seals.reader != nil }

// CanRemove reports whether the key can sign what removes.
func (r *Repo) CanRemove() bool { return r.keeper != nil }

// Cutter returns the Cutter with the repository's polynomial.
func (r *Repo) Cutter() *chunk.Cutter { return r.cutter }

// ChunkKey returns the key of chunk IDs.
func (r *Repo) ChunkKey() chunk.Key { return r.codec.Keys.Chunk }

// chunkID returns the ID of a chunk.
func (r *Repo) chunkID(data []byte) chunk.ID {
	h, ok := r.hashers.Get().(*chunk.Hasher)
	if !ok {
		h = r.codec.Keys.Chunk.New()
	}
	defer r.hashers.Put(h)
	return h.ID(data)
}

// MessageKey returns the key of message hashes.
func (r *Repo) MessageKey() chunk.Key { return r.codec.Keys.Message }

// MessageHasher returns a hasher for a message that comes in pieces.
func (r *Repo) MessageHasher() *chunk.Hasher { return r.codec.Keys.Message.New() }

// AccountDir returns the folder of an account's manifests, which does not reveal the account's name.
func (r *Repo) AccountDir(account string) string {
	id := r.codec.Keys.Account.Sum([]byte(account))
	return hex.EncodeToString(id[:16])
}

// CacheDir returns the repository's cache directory.
func (r *Repo) CacheDir() string {
	dir, _ := r.cache.place()
	return dir
}

// Remember makes the repository's directory under Options.StateDir, if it is missing, and returns it. It returns an empty string
// without a StateDir.
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
