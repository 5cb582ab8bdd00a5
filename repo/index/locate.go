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

// Each yields the places of a chunk, some of them twice. indexed reports whether an index segment
// describes the pack, not only the pack itself.
func (x *Index) Each(ctx context.Context, p chunk.Prefix, yield func(l Location, indexed bool) bool) error {
	return x.find(ctx, p, func(m match) bool { return yield(m.location(), m.indexed) })
}

// Places returns the places of a chunk that the index knows now, those in the largest pack first: a
// prune brings small packs together, and the index of a host still names them after they are
// deleted.
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

// Locate returns where chunks are, one place of each, in the order of ids. It prefers places that a
// segment describes, and those in large packs. If the index does not know some, Locate looks for
// new segments, and then for packs that no segment describes. It returns ErrNoChunk if one is
// nowhere.
func (x *Index) Locate(ctx context.Context, ids []chunk.ID) ([]Location, error) {
	wanted := newLookup(ids)
	for _, further := range []func(context.Context) error{nil, x.RefreshOnMiss, x.describeUnindexedOnce} {
		if further != nil {
			if err := further(ctx); err != nil {
				return nil, err
			}
		}
		err := x.retry(ctx, func() (again bool, err error) { return x.searchAll(ctx, wanted) })
		if err != nil {
			return nil, err
		}
		if len(wanted.missing) == 0 {
			break
		}
	}
	places := make([]Location, len(ids))
	for i, id := range ids {
		m, found := wanted.found[id.Prefix()]
		if !found {
			return nil, x.noChunk(id)
		}
		if !m.indexed {
			x.noteUndescribed(m.pack.Pack())
		}
		places[i] = m.location()
	}
	return places, nil
}

// lookup is a search for many chunks.
type lookup struct {
	missing []chunk.Prefix // ascending
	found   map[chunk.Prefix]match
}

func newLookup(ids []chunk.ID) *lookup {
	l := &lookup{missing: make([]chunk.Prefix, len(ids)), found: make(map[chunk.Prefix]match, len(ids))}
	for i, id := range ids {
		l.missing[i] = id.Prefix()
	}
	slices.SortFunc(l.missing, chunk.Prefix.Compare)
	l.missing = slices.Compact(l.missing)
	return l
}

// add adds a place of a chunk, unless a better one is known. One that a segment describes is
// better, and then one in a larger pack: a prune brings small packs together, and the index of a
// host still names them after they are deleted. Another place may always be better.
func (l *lookup) add(m match) (more bool) {
	best, known := l.found[m.Prefix]
	if !known || m.indexed && !best.indexed || m.indexed == best.indexed && m.pack.Size > best.pack.Size {
		l.found[m.Prefix] = m
	}
	return true
}

// settle removes from missing what was found.
func (l *lookup) settle() {
	l.missing = slices.DeleteFunc(l.missing, func(p chunk.Prefix) bool { _, found := l.found[p]; return found })
}

// searchAll searches once, the files first, and then for all that is missing the segments in the
// store, at once. again: something failed and was discarded, and a refresh may help.
func (x *Index) searchAll(ctx context.Context, l *lookup) (again bool, err error) {
	defer l.settle()
	if again, err := x.loadDue(ctx); again || err != nil {
		return again, err
	}
	for {
		remotes := x.remotes() // listed before the files are searched, so that a segment that is fetched in between is seen
		if bad, _, err := x.files.search(l.missing, l.add); bad != nil {
			x.files.discard(bad)
			return true, err
		}
		l.settle()
		if len(l.missing) == 0 || len(remotes) == 0 {
			return false, nil
		}
		if !slices.ContainsFunc(remotes, func(s *remoteSegment) bool { return s.dueAfter(l.missing) }) {
			return x.searchRemotes(ctx, remotes, l.missing, func(m match) bool {
				l.add(m)
				return true
			})
		}
		again, err := x.fetchRemotes(ctx, func(s *remoteSegment) bool { return s.dueAfter(l.missing) })
		if again || err != nil {
			return again, err
		}
	}
}
