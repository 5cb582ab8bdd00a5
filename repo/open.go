package repo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"filippo.io/age"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/cache"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/objectlock"
	"github.com/mailstrata/mailstrata/repo/pin"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Repo is an open repository. It may be used by several goroutines at once.
type Repo struct {
	locks

	untrusted bool  // neither this host nor a key file nor the user vouches for the repository
	noLocks   error // why the memory file is not locked, or nil

	index lazyIndex

	manifestRead atomic.Int64 // when a manifest was last read, by this host's clock, in nanoseconds
}

// Options say where a host keeps what it remembers of a repository.
type Options struct {
	// CacheDir holds what can be fetched again: the index, small objects, and packs before they are uploaded. If it is empty,
	// the Repo uses a temporary directory and removes it on Close.
	CacheDir string

	// CacheSize bounds the parts of packs in CacheDir, in bytes. If it is 0, none are kept there, and what is read again
	// is fetched again.
	CacheSize int64

	// StateDir holds what this host remembers of the repository and the store must not be able to change: its fingerprint
	// and the newest manifests. If it is empty, the host remembers nothing.
	StateDir string

	// Location is the store's URL without secrets. StateDir remembers the repository under it.
	Location string

	// Trust is the fingerprint that the repository must have, whatever this host or the key file remembers. The owner sets it
	// once, after changing the keeper, or on a new host.
	Trust string
}

// Seen reports whether this host remembers a repository at o.Location.
func (o *Options) Seen() bool {
	return pin.New(o.StateDir, pin.Repository{Location: o.Location}).Seen()
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
	a, err := open(ctx, v, u)
	lost := errors.Is(err, ErrNoRepository) || errors.Is(err, ErrWrongKey) || errors.Is(err, ErrNoSlots)
	if lost && (v.Hides(ctx, format.KindConfig.Folder()) || v.Hides(ctx, format.KindKey.Folder())) {
		// An attacker who may delete can have hidden every config and slot. Under lock they are read anyway.
		v.ShowHidden()
		if hidden, failed := open(ctx, v, u); failed == nil && hidden.config.Lock != nil {
			a, err = hidden, nil
		}
	}
	if err != nil {
		return nil, err
	}
	a.objects.Store = objectlock.New(store, a.config.lock())
	return a.repo(o, u.Fingerprint)
}

func open(ctx context.Context, store *objectlock.Store, u Unlock) (*access, error) {
	decoder, err := format.NewFrameDecoder()
	if err != nil {
		return nil, err
	}
	// Configs and slots are listed and read at once. They confirm each other, whichever was read first.
	listed := async(func() ([]string, error) { return configNames(ctx, store) })
	first := async(func() ([]byte, error) { // usually the one that counts
		names, err := listed()
		if err != nil {
			return nil, err
		}
		return objects.Fetch(ctx, store, names[0])
	})
	defer first()
	slots, damage, errSlots := fetchSlots(ctx, store)
	names, err := listed()
	if err = cmp.Or(err, errSlots); err != nil {
		return nil, err
	}
	confirm := func(a *access) error {
		return a.findConfig(names, func(name string) ([]byte, error) {
			if name == names[0] {
				return first()
			}
			return objects.Fetch(ctx, store, name)
		})
	}
	if len(slots) == 0 && damage == nil {
		return nil, ErrNoSlots
	}
	a, err := unlock(slots, u, decoder, confirm)
	if errors.Is(err, ErrWrongKey) && damage != nil {
		return nil, fmt.Errorf("%w; %w", damage, ErrNoOtherSlot)
	}
	if err != nil {
		return nil, err
	}
	if (u.Sealed || len(u.Identities) > 0) && !a.Sealed() {
		return nil, fmt.Errorf("%w: a passphrase or a key file was given, but this repository is not sealed", ErrSwapped)
	}
	return a, nil
}

// repo opens the cache, and compares the repository with what this host remembers.
func (a *access) repo(o Options, keyFingerprint string) (*Repo, error) {
	a.options = o
	vouched, missing, err := a.pin().Check(o.Trust, keyFingerprint)
	if err != nil {
		return nil, err
	}
	if a.objects.Cache, err = cache.Open(o.CacheDir, a.objects.Codec.Repository, o.CacheSize); err != nil {
		return nil, err
	}
	return &Repo{locks: locks{statements{*a}}, untrusted: !vouched, noLocks: missing}, nil
}

// Close closes the files of the cache. It changes nothing in the store.
func (r *Repo) Close() error {
	r.index.close()
	return r.objects.Cache.Close()
}

// Untrusted reports whether nothing vouches for the repository: this host has not seen it before, and neither a key file nor the
// user named its fingerprint.
func (r *Repo) Untrusted() bool { return r.untrusted }

// NoLocks returns an error if the file system of Options.StateDir has no locks, so that two commands of this host can write
// there at once.
func (r *Repo) NoLocks() error { return r.noLocks }

// ChunkID returns the ID of a chunk.
func (r *Repo) ChunkID(data []byte) chunk.ID { return r.objects.ChunkID(data) }

// Now returns the store's time.
func (r *Repo) Now(ctx context.Context) (time.Time, error) { return r.objects.Now(ctx) }

// CacheDir returns the repository's cache directory.
func (r *Repo) CacheDir() string {
	dir, _ := r.objects.Cache.Place()
	return dir
}
