package index

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
)

// ErrNoChunk reports that no index names a chunk, or that no pack that should hold it does.
var ErrNoChunk = errors.New("the repository has no such chunk")

// Location is where a chunk is.
type Location struct {
	Frame  format.Frame
	Offset uint32 // in the frame's content
	Length uint32
}

// Each yields the places of a chunk, some of them twice. indexed reports whether an index segment describes the pack,
// not only the pack itself.
func (x *Index) Each(ctx context.Context, p chunk.Prefix, yield func(l Location, indexed bool) bool) error {
	return x.find(ctx, p, func(m match) bool { return yield(m.location(), m.indexed) })
}

// Places returns the places of a chunk that the index knows now, those in the largest pack first: a prune brings small packs together,
// and the index of a host still names them after they are deleted.
func (x *Index) Places(ctx context.Context, id chunk.ID) (places []Location, err error) {
	indexed := false
	err = x.find(ctx, id.Prefix(), func(m match) bool {
		indexed = indexed || m.indexed
		if place := m.location(); !slices.Contains(places, place) {
			places = append(places, place)
		}
		return true
	})
	slices.SortStableFunc(places, func(a, b Location) int { return cmp.Compare(b.Frame.Size, a.Frame.Size) })
	if len(places) > 0 && !indexed {
		x.noteUndescribed(places[0].Frame.Pack)
	}
	return places, err
}

// noChunk returns an ErrNoChunk that says why the chunk may be missing.
func (x *Index) noChunk(id chunk.ID) error {
	err := fmt.Errorf("chunk %s: %w", id, ErrNoChunk)
	for _, p := range x.Faults() {
		err = fmt.Errorf("%w; nor can it be looked up in %s: %v", err, p.Object, p.Err)
	}
	return err
}

func (m match) location() Location {
	return Location{
		Frame:  m.pack.Frame(m.n, m.at),
		Offset: m.Offset, Length: m.Length,
	}
}

// Locate returns the places of a chunk. If the index does not know the chunk, Locate looks for new segments, and then
// for packs that no segment describes. It returns ErrNoChunk if the chunk is nowhere.
func (x *Index) Locate(ctx context.Context, id chunk.ID) ([]Location, error) {
	places, err := x.Places(ctx, id)
	for _, further := range []func(context.Context) error{x.RefreshOnMiss, x.describeUnindexedOnce} {
		if err != nil || len(places) > 0 {
			return places, err
		}
		if err := further(ctx); err != nil {
			return nil, err
		}
		places, err = x.Places(ctx, id)
	}
	if err == nil && len(places) == 0 {
		err = x.noChunk(id)
	}
	return places, err
}
