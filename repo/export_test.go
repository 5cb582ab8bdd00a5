package repo

import (
	"context"
	"crypto/ed25519"
	"math/rand/v2"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/cache"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/index"
	"github.com/mailstrata/mailstrata/repo/internal/access"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/internal/prune"
	"github.com/mailstrata/mailstrata/repo/objectlock"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store"
)

// On opens the repository in another store, with the keys that r holds already.
func On(r *Repo, store store.Store, cacheDir string) *Repo { return OnCached(r, store, cacheDir, 0) }

// OnCached is On with a cache of packs of some size.
func OnCached(r *Repo, store store.Store, cacheDir string, size int64) *Repo {
	c, err := cache.Open(cacheDir, r.objects.Codec.Repository, size)
	if err != nil {
		panic(err)
	}
	a := *r.access
	a.Objects = &objects.Objects{Store: objectlock.New(store, a.Config.ObjectLock()), Codec: r.objects.Codec, Seals: r.objects.Seals, Cache: c}
	a.Host = access.Host{}
	return &Repo{statements: statements{opened{objects: a.Objects, access: &a}}}
}

// Thief makes objects as an attacker can who has the secret and the writer's identity of a
// repository, but not its keeper's key.
type Thief struct {
	R      *Repo
	Keeper ed25519.PrivateKey // key of the thief
	Reader string             // recipient of the thief, to which he wants mail to be sealed
}

// Config makes a config with the thief's recipient. It can also name the thief as the keeper, and
// list a slot.
func (thief *Thief) Config(number uint64, asKeeper bool, slotHash *[32]byte) (name string, stored []byte, err error) {
	c := thief.R.access.Config
	c.Number, c.Readers = number, []string{thief.Reader}
	if asKeeper {
		c.Keeper = [32]byte(thief.Keeper.Public().(ed25519.PublicKey))
	}
	if slotHash != nil {
		c.Slots = []access.SlotRow{{Hash: *slotHash, Role: RoleOwner}}
	}
	content, err := statement.Sign(format.KindConfig, thief.R.objects.Codec.Repository, thief.Keeper, c)
	if err != nil {
		return "", nil, err
	}
	stored, hash, err := thief.R.objects.Codec.Build(format.KindConfig, content, thief.R.objects.Seals.Writers)
	return format.ConfigName(number, hash), stored, err
}

// Slot makes a slot for an owner, with the thief as keeper.
func (thief *Thief) Slot(
	recipient age.Recipient, reader string,
) (name string, hash [32]byte, stored []byte, err error) {
	held := *thief.R.access.Held
	held.Role, held.Seed, held.Keeper = RoleOwner, thief.Keeper.Seed(), [32]byte(thief.Keeper.Public().(ed25519.PublicKey))
	held.Readers = []string{reader}
	content, err := format.Encode(held)
	if err != nil {
		return "", hash, nil, err
	}
	stored, hash, err = thief.R.objects.Codec.Build(format.KindKey, content, []age.Recipient{recipient})
	return (&access.SlotRow{Role: RoleOwner, Hash: hash}).Name(), hash, stored, err
}

// Statement makes a mark of a manifest, or a condemnation of packs, signed by the thief.
func (thief *Thief) Statement(manifest string, packs ...format.Pack) (name string, stored []byte, err error) {
	kind, what := format.KindMark, any(statement.Mark{Manifest: []byte(manifest)})
	if manifest == "" {
		var c statement.Condemnation
		for _, p := range packs {
			c.Packs = append(c.Packs, statement.CondemnedPack{Hash: p.Hash})
		}
		kind, what = format.KindCondemnation, c
	}
	content, err := statement.Sign(kind, thief.R.objects.Codec.Repository, thief.Keeper, what)
	if err != nil {
		return "", nil, err
	}
	stored, hash, err := thief.R.objects.Codec.Build(kind, content, thief.R.objects.Seals.Writers)
	return format.ObjectName(kind, hash), stored, err
}

// Erasure makes an erasure, signed by the thief.
func (thief *Thief) Erasure(e statement.Erasure) (name string, stored []byte, err error) {
	rows, err := e.Rows()
	if err != nil {
		return "", nil, err
	}
	content, err := statement.Sign(format.KindErasure, thief.R.objects.Codec.Repository, thief.Keeper, rows[0])
	if err != nil {
		return "", nil, err
	}
	stored, hash, err := thief.R.objects.Codec.Build(format.KindErasure, content, thief.R.objects.Seals.Writers)
	return format.ObjectName(format.KindErasure, hash), stored, err
}

// Stranger makes a manifest with only the public recipients of a repository.
func Stranger(r *Repo, account string, content []byte) (name string, stored []byte, err error) {
	other := format.NewCodec(r.objects.Codec.Repository, format.Secret{1}.Keys(), r.objects.Codec.Decoder)
	stored, hash, err := other.Build(format.KindManifest, content, r.objects.Seals.Writers)
	return format.ManifestName(r.AccountDir(account), time.Now(), hash), stored, err
}

// MergeTwo makes two index segments worth merging, until the test ends.
func MergeTwo(t testing.TB) {
	usual := segmentLimits
	segmentLimits.Least = 2
	t.Cleanup(func() { segmentLimits = usual })
}

// LimitSegments sets how many packs and entries an index segment may have, until the test ends.
func LimitSegments(t testing.TB, packs, entries int) {
	usual := segmentLimits
	segmentLimits.Largest = prune.SegmentSize{Packs: packs, Entries: entries}
	t.Cleanup(func() { segmentLimits = usual })
}

// SegmentSizes returns the numbers of packs and entries of all index segments.
func SegmentSizes(ctx context.Context, r *Repo) (sizes [][2]int, err error) {
	for o, err := range r.objects.List(ctx, format.KindIndex, "index") {
		if err != nil {
			return nil, err
		}
		hash, _ := store.Hash(o.Name)
		s, done, err := r.objects.OpenSegment(ctx, o, hash)
		if err != nil {
			return nil, err
		}
		entries := 0
		for _, err := range s.Entries() {
			if err != nil {
				return nil, err
			}
			entries++
		}
		sizes = append(sizes, [2]int{len(s.Packs), entries})
		done()
	}
	return sizes, nil
}

// PutSegment puts an index segment of made-up chunks, and returns their prefixes.
func PutSegment(
	ctx context.Context, r *Repo, seed uint64, chunks int,
) (name string, prefixes []chunk.Prefix, err error) {
	packs, entries := madeUp(seed, chunks)
	for _, e := range entries {
		prefixes = append(prefixes, e.Prefix)
	}
	hash, _, err := r.objects.PutSegment(ctx, packs, entries)
	return format.ObjectName(format.KindIndex, hash), prefixes, err
}

// madeUp returns typical packs, with chunks of 4 KB in frames of 2 MiB.
func madeUp(seed uint64, chunks int) (packs []format.PackRow, entries []format.Entry) {
	const frames, inFrame = 16, 512
	random := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)})
	for i := range chunks {
		if i%(frames*inFrame) == 0 {
			p := format.PackRow{Size: 20 << 20, Head: 70}
			_, _ = random.Read(p.Hash[:])
			for range frames {
				p.Stored, p.Lengths = append(p.Stored, 1<<20), append(p.Lengths, inFrame*4096)
			}
			packs = append(packs, p)
		}
		e := format.Entry{Frame: uint32(i / inFrame), Offset: uint32(i % inFrame * 4096), Length: 4096}
		_, _ = random.Read(e.Prefix[:])
		entries = append(entries, e)
	}
	return packs, entries
}

// Places counts the places of a chunk that the index knows.
func Places(ctx context.Context, r *Repo, p chunk.Prefix) (n int, err error) {
	x, err := r.openIndex(ctx)
	if err != nil {
		return 0, err
	}
	err = x.Each(ctx, p, func(index.Location, bool) bool {
		n++
		return true
	})
	return n, err
}

// OpenIndex reads what the index needs for lookups.
func OpenIndex(ctx context.Context, r *Repo) error {
	_, err := r.openIndex(ctx)
	return err
}

// LoadIndex fetches the whole index.
func LoadIndex(ctx context.Context, r *Repo) error {
	x, err := r.openIndex(ctx)
	if err != nil {
		return err
	}
	return x.LoadAll(ctx)
}

// Fetch reads a whole object, and checks it against its name.
func Fetch(ctx context.Context, r *Repo, name string) ([]byte, error) {
	return objects.Fetch(ctx, r.objects.Store, name)
}

// LimitHeld sets how many bytes a writer keeps in spools.
func LimitHeld(w *Writer, bytes int64) { w.maxHeld = bytes }

// FrameRoom returns the capacity of each frame of a writer that fills none. Those that were never
// used have 0.
func FrameRoom(w *Writer) (room []int) {
	for _, free := range []chan *format.RawFrame{w.free[format.LaneHeader], w.free[format.LaneText], w.free[format.LaneCatalog]} {
		for range cap(free) {
			f := <-free
			room = append(room, cap(f.Content))
			free <- f
		}
	}
	return room
}

// LimitClaims sets how many claims a writer keeps in memory.
func LimitClaims(w *Writer, n int) { w.maxClaims = n }

// Forge makes a manifest's object with any time, as a thief of a writer's key can.
func Forge(r *Repo, account string, at time.Time, content []byte) (name string, stored []byte, err error) {
	stored, hash, err := r.objects.Codec.Build(format.KindManifest, content, r.objects.Seals.Writers)
	return format.ManifestName(r.AccountDir(account), at, hash), stored, err
}

// Rename returns the name that a manifest would have at another time.
func Rename(h Head, at time.Time) string { return format.ManifestName(h.Account, at, h.ID) }

// Outline returns a manifest as the first versions wrote it, without its time, and without fields
// that this package does not read.
func Outline(start, deadline time.Time) ([]byte, error) {
	return format.Encode(map[int]int64{3: start.UnixMilli(), 5: deadline.UnixMilli()})
}

// Mark is MarkAll for one manifest. parent is the hash of its parent, or nil.
func (s *statements) Mark(ctx context.Context, h Head, parent *[32]byte) error {
	return s.MarkAll(ctx, []statement.Marked{{Manifest: h.Name, Parent: parent}})
}
