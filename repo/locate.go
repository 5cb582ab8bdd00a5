package repo

import (
	"context"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
)

// Location is where a chunk lies.
type Location struct {
	Frame  format.Frame
	Offset uint32 // in the frame's content
	Length uint32
}

// Locate tells where chunks lie, in the order of ids, for planning: read what lies together, together. ErrNoChunk
// where one lies nowhere.
func (r *Repo) Locate(ctx context.Context, ids []chunk.ID) ([]Location, error) {
	locations := make([]Location, 0, len(ids))
	for _, id := range ids {
		places, err := r.places(ctx, id)
		if err != nil {
			return nil, err
		}
		locations = append(locations, places[0])
	}
	return locations, nil
}

// places lists where a chunk lies. Where the index does not know it, new segments are looked for, and then packs that no
// segment describes.
func (r *Repo) places(ctx context.Context, id chunk.ID) ([]Location, error) {
	x, err := r.openIndex(ctx)
	if err != nil {
		return nil, err
	}
	places, err := x.places(ctx, id)
	for _, further := range []func(context.Context) error{x.refreshOnMiss, x.salvage} {
		if err != nil || len(places) > 0 {
			return places, err
		}
		if err := further(ctx); err != nil {
			return nil, err
		}
		places, err = x.places(ctx, id)
	}
	if err == nil && len(places) == 0 {
		err = x.noChunk(id)
	}
	return places, err
}

// places lists where a chunk lies as far as the index knows.
func (x *index) places(ctx context.Context, id chunk.ID) (places []Location, err error) {
	indexed := false
	err = x.find(ctx, id.Prefix(), func(f found) bool {
		indexed = indexed || f.indexed
		if place := f.location(); !slices.Contains(places, place) {
			places = append(places, place)
		}
		return true
	})
	if len(places) > 0 && !indexed {
		x.standsAlone(places[0].Frame.Pack)
	}
	return places, err
}

// noChunk says that a chunk is nowhere, and why that may be.
func (x *index) noChunk(id chunk.ID) error {
	err := fmt.Errorf("chunk %s: %w", id, ErrNoChunk)
	for _, p := range x.problems() {
		err = fmt.Errorf("%w; nor can it be looked up in %v", err, p)
	}
	return err
}

func (f found) location() Location {
	return Location{
		Frame:  f.pack.Frame(f.n, f.at),
		Offset: f.Offset, Length: f.Length,
	}
}
