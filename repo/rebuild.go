package repo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Reindex makes an index for packs that no index names: after segments were lost, or to use what a run that was cut
// short had stored. Condemned packs stay out. It needs the owner's key, which alone opens packs of mail. Packs that
// cannot be read are reported, and passed over. It returns how many packs were indexed.
//
// Segments that are damaged are removed first, if the store lets them be: what they said, packs say too, and a segment that is
// made again can have the very name of the damaged one.
func (r *Repo) Reindex(ctx context.Context, report func(Problem)) (packs int, err error) {
	if !r.CanRead() {
		return 0, fmt.Errorf("making an index from packs of mail needs the owner's key: %w", ErrNoRole)
	}
	c := &checker{r: r, report: report, stored: map[string]int64{}, indexed: map[format.Pack]format.PackRow{}}
	damaged, err := c.damagedSegments(ctx)
	if err == nil {
		err = r.removeSegments(ctx, damaged, report)
	}
	if err != nil {
		return 0, err
	}
	condemned, err := r.Condemned(ctx)
	if err != nil {
		return 0, err
	}
	var draft segmentDraft
	err = r.eachPack(ctx, func(pack format.Pack, size int64) error {
		_, indexed := c.indexed[pack]
		if _, gone := condemned[pack]; indexed || gone {
			return nil
		}
		if err := c.outcome(ctx, store.Object{Name: pack.String(), Size: size}, draft.read(ctx, r, pack, size)); err != nil {
			return err
		}
		if len(draft.entries) < draftEntries && len(draft.packs) < largestSegment.packs {
			return nil
		}
		packs += len(draft.packs)
		return r.putDraft(ctx, &draft)
	})
	if err != nil {
		return packs, err
	}
	packs += len(draft.packs)
	return packs, r.putDraft(ctx, &draft)
}

// damagedSegments reads all segments, and names those that are damaged, also when they are read a second time. Others that
// cannot be read, of a newer version, or of somebody else, are reported.
func (c *checker) damagedSegments(ctx context.Context) (names []string, err error) {
	for o, err := range c.r.store.List(ctx, format.KindIndex.Folder()) {
		if err != nil {
			return nil, fmt.Errorf("list the index: %w", err)
		}
		if kind, ok := format.KindOf(o.Name); !ok || kind != format.KindIndex {
			continue
		}
		err := c.segment(ctx, o)
		if errors.Is(err, format.ErrDamaged) {
			err = c.segment(ctx, o)
		}
		if errors.Is(err, format.ErrDamaged) {
			names = append(names, o.Name)
		} else if err := c.outcome(ctx, o, err); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// removeSegments removes damaged index segments. One that the store keeps is reported.
func (r *Repo) removeSegments(ctx context.Context, names []string, report func(Problem)) error {
	for _, name := range names {
		err := r.store.Delete(ctx, name)
		switch {
		case err == nil:
		case errors.Is(err, store.ErrRetained):
			report(Problem{Kind: Unread, Object: name, Err: fmt.Errorf("it is damaged, and %w; its packs are indexed anew", err)})
		default:
			return fmt.Errorf("remove %s: %w", name, err)
		}
	}
	return nil
}

// eachPack hands over every pack in the store that the key at hand can look into, and its size.
func (r *Repo) eachPack(ctx context.Context, use func(p format.Pack, size int64) error) error {
	for _, kind := range format.PackKinds {
		if _, err := r.seals.identity(kind); err != nil {
			continue
		}
		for o, err := range r.store.List(ctx, kind.Folder()) {
			if err != nil {
				return fmt.Errorf("list the packs: %w", err)
			}
			hash, ok := store.ParseHash(strings.TrimPrefix(o.Name, kind.Folder()))
			if !ok {
				continue
			}
			if err := use(format.Pack{Catalog: kind == format.KindCatalog, Hash: hash}, o.Size); err != nil {
				return err
			}
		}
	}
	return nil
}

// salvage asks the packs that no segment at hand describes what they hold: a segment may be damaged or lost, and mail
// is wanted. It does so once; the answer is kept for this process only.
func (x *index) salvage(ctx context.Context) error {
	x.refreshing.Lock()
	defer x.refreshing.Unlock()
	if x.salvaged {
		return nil
	}
	return x.salvageAnew(ctx)
}

// salvageAnew asks those packs that were not described then either. The caller holds refreshing.
func (x *index) salvageAnew(ctx context.Context) error {
	described := map[format.Pack]bool{}
	for _, f := range x.snapshot() {
		for i := range f.packs {
			described[f.packs[i].Pack()] = true
		}
	}
	for _, s := range x.remotes() {
		for i := range s.seg.Packs {
			described[s.seg.Packs[i].Pack()] = true
		}
	}
	var draft segmentDraft
	err := x.r.eachPack(ctx, func(pack format.Pack, size int64) error {
		if described[pack] {
			return nil
		}
		err := draft.read(ctx, x.r, pack, size)
		if err != nil && (ctx.Err() != nil || !ofTheObject(err)) {
			return fmt.Errorf("read %s: %w", pack, err)
		}
		if len(draft.entries) < draftEntries {
			return nil
		}
		return x.keepSalvaged(&draft)
	})
	if err == nil {
		err = x.keepSalvaged(&draft)
	}
	x.salvaged = err == nil
	return err
}

func (x *index) keepSalvaged(d *segmentDraft) error {
	if len(d.packs) == 0 {
		return nil
	}
	var hashes [][32]byte
	for _, p := range d.packs {
		hashes = append(hashes, p.Hash)
	}
	slices.SortFunc(d.entries, format.Entry.Compare)
	err := x.keep(*d, nil, hashes)
	*d = segmentDraft{}
	return err
}

// read adds a pack by its own description.
func (d *segmentDraft) read(ctx context.Context, r *Repo, p format.Pack, size int64) error {
	row, lanes, err := r.inspectPack(ctx, p, size, false, new(Checked))
	if err != nil {
		return err
	}
	format.PackEntries(lanes, d.frames, func(e format.Entry) { d.entries = append(d.entries, e) })
	d.packs = append(d.packs, row)
	d.frames += uint32(len(row.Stored))
	return nil
}

func (r *Repo) putDraft(ctx context.Context, d *segmentDraft) error {
	if len(d.packs) == 0 {
		return nil
	}
	s, hash, err := r.writeSegment(d.packs, format.Sorted(d.entries), format.Table{})
	if err != nil {
		return err
	}
	defer s.Close()
	*d = segmentDraft{}
	name := format.ObjectName(format.KindIndex, hash)
	return r.putKept(ctx, name, s.File, s.Size)
}
