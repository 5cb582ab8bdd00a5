package index

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
)

// ErrNoChunk: no index names the chunk, or no pack that should hold it does.
var ErrNoChunk = errors.New("the repository has no such chunk")

// Location is where a chunk lies.
type Location struct {
	Frame  format.Frame
	Offset uint32 // in the frame's content
	Length uint32
}

// each yields where a chunk lies, some places perhaps twice, and whether an index segment says so, and not only the pack.
func (x *Index) Each(ctx context.Context, p chunk.Prefix, yield func(l Location, indexed bool) bool) error {
	return x.find(ctx, p, func(f match) bool { return yield(f.location(), f.indexed) })
}

// places lists where a chunk lies as far as the index knows.
func (x *Index) Places(ctx context.Context, id chunk.ID) (places []Location, err error) {
	indexed := false
	err = x.find(ctx, id.Prefix(), func(f match) bool {
		indexed = indexed || f.indexed
		if place := f.location(); !slices.Contains(places, place) {
			places = append(places, place)
		}
		return true
	})
	if len(places) > 0 && !indexed {
		x.noteUndescribed(places[0].Frame.Pack)
	}
	return places, err
}

// noChunk says that a chunk is nowhere, and why that may be.
func (x *Index) noChunk(id chunk.ID) error {
	err := fmt.Errorf("chunk %s: %w", id, ErrNoChunk)
	for _, p := range x.Faults() {
		err = fmt.Errorf("%w; nor can it be looked up in %s: %v", err, p.Object, p.Err)
	}
	return err
}

func (f match) location() Location {
	return Location{
		Frame:  f.pack.Frame(f.n, f.at),
		Offset: f.Offset, Length: f.Length,
	}
}

// mustPlaces lists where a chunk lies. Where the index does not know it, new segments are looked for, and then packs that no
// segment describes.
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
