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
	"github.com/mailstrata/mailstrata/repo/packs"
	"github.com/mailstrata/mailstrata/repo/store"
)

// ReaderOptions limit a Reader.
type ReaderOptions struct {
	// CacheBytes bounds the decoded frames in memory; 0 means 32 MiB. Chunks that the caller keeps come on top.
	CacheBytes int64
}

// Reader reads chunks. It caches the frames that it decoded last. If several goroutines need a frame at once, it fetches the
// frame once. Several goroutines may use a Reader.
type Reader struct {
	r        *Repo
	frames   *frameCache
	packs    *packs.Reader
	inFlight *semaphore.Weighted
}

// Reader returns a Reader.
func (r *Repo) Reader(o ReaderOptions) *Reader {
	return &Reader{
		r:        r,
		frames:   newFrameCache(cmp.Or(o.CacheBytes, 32<<20)),
		packs:    packs.NewReader(packs.Options{Store: r.store, Identity: r.seals.identity}),
		inFlight: semaphore.NewWeighted(maxInFlight),
	}
}

// Chunk reads a chunk and checks it against its ID. If one copy cannot be read, Chunk tries the others. The caller must not
// change the bytes, which may be part of a cached frame.
func (rd *Reader) Chunk(ctx context.Context, id chunk.ID) ([]byte, error) {
	places, err := rd.r.places(ctx, id)
	if err != nil {
		return nil, err
	}
	var failed, unreached error
	for _, place := range places {
		data, err := rd.chunkAt(ctx, id, place)
		if err == nil {
			return data, nil
		}
		// Another pack may hold the chunk too: this one may be deleted or damaged.
		err = fmt.Errorf("chunk %s in %s: %w", id, place.Frame.Pack, err)
		failed = errors.Join(failed, err)
		if !concernsObject(err) && !errors.Is(err, store.ErrRange) {
			unreached = err
		}
		if ctx.Err() != nil || errors.Is(err, ErrNoRole) {
			break
		}
	}
	if unreached != nil {
		return nil, unreached // even if another copy is damaged, the one that could not be reached may be intact
	}
	if errors.Is(failed, store.ErrNotExist) {
		if again, err := rd.movedTo(ctx, id, places); again != nil || err != nil {
			return again, err
		}
	}
	return nil, failed
}

// movedTo reads a chunk from a pack that is newer than the index of this host. It returns nil if there is none.
func (rd *Reader) movedTo(ctx context.Context, id chunk.ID, tried []index.Location) ([]byte, error) {
	x, err := rd.r.openIndex(ctx)
	if err != nil {
		return nil, err
	}
	if err := x.RefreshOnMiss(ctx); err != nil {
		return nil, err
	}
	places, err := x.Places(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, place := range places {
		if slices.Contains(tried, place) {
			continue
		}
		data, err := rd.chunkAt(ctx, id, place)
		if err == nil {
			return data, nil
		}
		if !concernsObject(err) && !errors.Is(err, store.ErrRange) {
			return nil, fmt.Errorf("chunk %s in %s: %w", id, place.Frame.Pack, err)
		}
	}
	return nil, nil
}

func (rd *Reader) chunkAt(ctx context.Context, id chunk.ID, place index.Location) ([]byte, error) {
	content, err := rd.frames.get(ctx, place.Frame, func() ([]byte, error) { return rd.fetchFrame(ctx, place.Frame) })
	end := uint64(place.Offset) + uint64(place.Length)
	if end > uint64(len(content)) {
		return nil, cmp.Or(err, format.Damaged("the index places it outside its frame"))
	}
	data := content[place.Offset:end:end] // a damaged frame has intact chunks before the damage
	if rd.r.chunkID(data) != id {
		return nil, cmp.Or(err, format.Damaged("its bytes do not hash to its ID"))
	}
	return data, nil
}

func (rd *Reader) fetchFrame(ctx context.Context, f format.Frame) ([]byte, error) {
	content, err := rd.fetchFrameOnce(ctx, f)
	if err != nil && ctx.Err() == nil && !errors.Is(err, ErrNoRole) && rd.r.store.Original(ctx, f.Pack.String()) {
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
	content, damage := rd.r.codec.Decoder.Decode(stored, int(f.Length))
	return content, cmp.Or(err, damage)
}
