package repo

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/cache"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/access"
	"github.com/mailstrata/mailstrata/repo/internal/ahead"
	"github.com/mailstrata/mailstrata/repo/pin"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Repo is an open repository. It may be used by several goroutines at once.
type Repo struct {
	statements

	untrusted bool  // neither this host nor a key file nor the user vouches for the repository
	noLocks   error // why the memory file is not locked, or nil

	index lazyIndex

	manifestRead   atomic.Int64 // when a manifest was last read, by this host's clock, in nanoseconds
	accountsListed atomic.Int64 // accounts in the last listing of all manifests
}

// Options say where a host keeps what it remembers of a repository.
type Options struct {
	// CacheDir holds what can be fetched again: the index, small objects, and packs before they are
	// uploaded. If it is empty, the Repo uses a temporary directory and removes it on Close.
	CacheDir string

	// CacheSize bounds the parts of packs in CacheDir, in bytes. If it is 0, none are kept there,
	// and what is read again is fetched again.
	CacheSize int64

	// StateDir holds what this host remembers of the repository and the store must not be able to
	// change: its fingerprint and the newest manifests. If it is empty, the host remembers nothing.
	StateDir string

	// Location is the store's URL without secrets. StateDir remembers the repository under it.
	Location string

	// Trust is the fingerprint that the repository must have, whatever this host or the key file
	// remembers. The owner sets it once, after changing the keeper, or on a new host.
	Trust string

	// ListAhead lists manifests, marks and index segments while the repository is opened, which
	// saves a round trip. It is for commands that begin with Repo.Manifests and then only read: one
	// that removes something must list after it has begun. The end of the context of Open ends
	// these listings.
	ListAhead bool
}

// listedAhead are the kinds of objects that Options.ListAhead lists.
var listedAhead = []string{format.KindManifest.Folder(), format.KindMark.Folder(), format.KindIndex.Folder()}

// Seen reports whether this host remembers a repository at o.Location.
func (o *Options) Seen() bool {
	return pin.New(o.StateDir, pin.Repository{Location: o.Location}).Seen()
}

// Unlock says what opens a key slot.
type Unlock = access.Unlock

// Open opens the repository in a store.
func Open(ctx context.Context, store store.Store, u Unlock, o Options) (*Repo, error) {
	var early *ahead.Listings
	if o.ListAhead {
		early = ahead.List(ctx, store, listedAhead...)
	}
	a, err := access.Open(ctx, store, u)
	var r *Repo
	if err == nil {
		r, err = newRepo(a, o, u.Fingerprint)
	}
	if err != nil {
		early.Stop()
		return nil, err
	}
	if r.Lock() != nil { // then what delete markers hide is listed too
		early.Stop()
	}
	r.early = early
	return r, nil
}

// newRepo opens the cache, and compares the repository with what this host remembers.
func newRepo(a *access.Access, o Options, keyFingerprint string) (*Repo, error) {
	a.Host = access.Host{StateDir: o.StateDir, Location: o.Location, Trust: o.Trust}
	vouched, missing, err := a.Pin().Check(o.Trust, keyFingerprint)
	if err != nil {
		return nil, err
	}
	if a.Objects.Cache, err = cache.Open(o.CacheDir, a.Objects.Codec.Repository, o.CacheSize); err != nil {
		return nil, err
	}
	return &Repo{statements: statements{opened{objects: a.Objects, access: a}}, untrusted: !vouched, noLocks: missing}, nil
}

// Close closes the files of the cache. It changes nothing in the store.
func (r *Repo) Close() error {
	r.early.Stop()
	r.index.close()
	return r.objects.Cache.Close()
}

// Untrusted reports whether nothing vouches for the repository: this host has not seen it before,
// and neither a key file nor the user named its fingerprint.
func (r *Repo) Untrusted() bool { return r.untrusted }

// NoLocks returns an error if the file system of Options.StateDir has no locks, so that two
// commands of this host can write there at once.
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
