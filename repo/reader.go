package repo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/semaphore"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/index"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/packs"
	"github.com/mailstrata/mailstrata/repo/store"
)

// ReaderOptions limit a Reader.
type ReaderOptions struct {
	// CacheBytes bounds the decoded frames in memory; 0 means 32 MiB. Chunks that the caller keeps
	// come on top.
	CacheBytes int64
}

// Kept says which packs that are read the cache directory of the host keeps, if Options.CacheSize
// is not 0.
type Kept int

const (
	KeptNothing Kept = iota // nor is anything taken from there: for what must read the store, or reads it once
	KeptCatalog             // what lists and pages are in
	KeptMail                // mail, too: for commands that people repeat
)

// Reader reads chunks. It caches the frames that it decoded last. If several goroutines need a
// frame at once, it fetches the frame once. Several goroutines may use a Reader.
type Reader struct {
	r        *Repo
	frames   *frameCache
	packs    *packs.Reader
	inFlight *semaphore.Weighted
	kept     Kept
}

// Reader returns a Reader.
func (r *Repo) Reader(o ReaderOptions) *Reader {
	rd := &Reader{
		r:        r,
		frames:   newFrameCache(cmp.Or(o.CacheBytes, 32<<20)),
		inFlight: semaphore.NewWeighted(maxInFlight),
	}
	rd.packs = packs.NewReader(packs.Options{
		Store: r.objects.Store, Identity: r.objects.Seals.Identity, Key: r.objects.Seals.LocalKey, Cache: rd.cache,
	})
	return rd
}

// Keep sets which packs the host keeps; a Reader begins with KeptNothing. It must be called before
// the first read.
func (rd *Reader) Keep(k Kept) { rd.kept = k }

// cache returns where packs of a kind are kept, or nil.
func (rd *Reader) cache(kind format.Kind) *packs.Cache {
	if rd.r.objects.Cache == nil || rd.kept == KeptNothing || kind == format.KindData && rd.kept != KeptMail {
		return nil
	}
	return rd.r.objects.Cache.Packs
}

// Chunk reads a chunk and checks it against its ID. If one copy cannot be read, Chunk tries the
// others. The caller must not change the bytes, which may be part of a cached frame.
func (rd *Reader) Chunk(ctx context.Context, id chunk.ID) ([]byte, error) {
	places, err := rd.r.Locate(ctx, []chunk.ID{id})
	if err != nil {
		return nil, err
	}
	data, err := rd.chunkAt(ctx, id, places[0])
	if err == nil {
		return data, nil
	}
	copies := copies{tried: places}
	if copies.failed(ctx, id, places[0], err) {
		// Another pack may hold the chunk too: this one may be deleted or damaged.
		if data, err := rd.otherCopy(ctx, id, &copies, true); data != nil || err != nil {
			return data, err
		}
	}
	return nil, copies.err()
}

// otherCopy reads a chunk from a place that was not tried yet. It returns nil if no place is left.
// If refresh is true and a pack is gone, it also looks for packs that are newer than the index of
// this host.
func (rd *Reader) otherCopy(ctx context.Context, id chunk.ID, c *copies, refresh bool) ([]byte, error) {
	x, err := rd.r.openIndex(ctx)
	if err != nil {
		return nil, err
	}
	places, err := x.Places(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, place := range places {
		if slices.Contains(c.tried, place) {
			continue
		}
		data, err := rd.chunkAt(ctx, id, place)
		if err == nil {
			return data, nil
		}
		if !c.failed(ctx, id, place, err) {
			return nil, nil
		}
	}
	if !refresh || c.unreached != nil || !errors.Is(c.damaged, store.ErrNotExist) {
		return nil, nil
	}
	if err := x.RefreshOnMiss(ctx); err != nil {
		return nil, err
	}
	return rd.otherCopy(ctx, id, c, false)
}

// ChunkError is why a chunk of a pack cannot be read.
type ChunkError struct {
	ID   chunk.ID
	Pack Pack
	Err  error
}

func (e *ChunkError) Error() string { return fmt.Sprintf("chunk %s in %s: %v", e.ID, e.Pack, e.Err) }
func (e *ChunkError) Unwrap() error { return e.Err }

// copies are the places of a chunk that were tried, and why none could be read.
type copies struct {
	tried     []index.Location
	damaged   error // of all of them
	unreached error // of one that may be intact
}

// failed records that a copy could not be read. It reports whether another should be tried.
func (c *copies) failed(ctx context.Context, id chunk.ID, place index.Location, err error) bool {
	err = &ChunkError{ID: id, Pack: place.Frame.Pack, Err: err}
	if !slices.Contains(c.tried, place) {
		c.tried = append(c.tried, place)
	}
	c.damaged = errors.Join(c.damaged, err)
	if !objects.Concerns(err) && !errors.Is(err, store.ErrRange) {
		c.unreached = err
	}
	return ctx.Err() == nil && !errors.Is(err, ErrNoRole)
}

// err returns the error of the chunk. Even if a copy is damaged, the one that could not be reached
// may be intact.
func (c *copies) err() error { return cmp.Or(c.unreached, c.damaged) }

// chunkAt reads a chunk from a place. If what this host keeps of the pack is damaged, it reads the
// store, and if what it read from the store was damaged on its way, it reads it again. fetchFrame
// notices the latter if the repository is sealed.
func (rd *Reader) chunkAt(ctx context.Context, id chunk.ID, place index.Location) ([]byte, error) {
	data, err := rd.chunkAtOnce(ctx, id, place)
	if pack := place.Frame.Pack; errors.Is(err, format.ErrDamaged) &&
		(rd.packs.Forget(pack) || !rd.r.Sealed() && rd.r.objects.Store.Original(ctx, pack.String())) {
		rd.frames.drop([]format.Frame{place.Frame})
		return rd.chunkAtOnce(ctx, id, place)
	}
	return data, err
}

func (rd *Reader) chunkAtOnce(ctx context.Context, id chunk.ID, place index.Location) ([]byte, error) {
	content, err := rd.frames.get(ctx, place.Frame, func() ([]byte, error) { return rd.fetchFrame(ctx, place.Frame) })
	end := uint64(place.Offset) + uint64(place.Length)
	if end > uint64(len(content)) {
		return nil, cmp.Or(err, format.Damaged("the index places it outside its frame"))
	}
	data := content[place.Offset:end:end] // a damaged frame has intact chunks before the damage
	if rd.r.ChunkID(data) != id {
		return nil, cmp.Or(err, format.Damaged("its bytes do not hash to its ID"))
	}
	return data, nil
}

func (rd *Reader) fetchFrame(ctx context.Context, f format.Frame) ([]byte, error) {
	content, err := rd.fetchFrameOnce(ctx, f)
	if err != nil && ctx.Err() == nil && !errors.Is(err, ErrNoRole) &&
		rd.r.objects.Store.Original(ctx, f.Pack.String()) {
		rd.packs.Forget(f.Pack)
		return rd.fetchFrameOnce(ctx, f)
	}
	return content, err
}

func (rd *Reader) fetchFrameOnce(ctx context.Context, f format.Frame) ([]byte, error) {
	stored, err := rd.packs.Read(ctx, rangeOf([]format.Frame{f}))
	if len(stored) == 0 {
		return nil, err
	}
	content, damage := rd.r.objects.Codec.Decoder.Decode(stored, int(f.Length))
	return content, cmp.Or(err, damage)
}
