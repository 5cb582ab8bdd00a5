package repo

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Reindex makes an index for packs that no index names: after segments were lost, or to use what a run that was cut
// short had stored. Condemned packs stay out. It needs the owner's key, which alone opens packs of mail. Packs that
// cannot be read are reported, and passed over. It returns how many packs were indexed.
func (r *Repo) Reindex(ctx context.Context, report func(Problem)) (packs int, err error) {
	if !r.CanRead() {
		return 0, fmt.Errorf("making an index from packs of mail needs the owner's key: %w", ErrNoRole)
	}
	c := &checker{r: r, report: report, stored: map[string]int64{}, indexed: map[Pack]packRow{}}
	if err := c.segments(ctx); err != nil {
		return 0, err
	}
	condemned, err := r.Condemned(ctx)
	if err != nil {
		return 0, err
	}
	var draft segmentDraft
	err = r.eachPack(ctx, func(pack Pack, size int64) error {
		_, indexed := c.indexed[pack]
		if _, gone := condemned[pack]; indexed || gone {
			return nil
		}
		if err := c.outcome(ctx, pack.name(), draft.read(ctx, r, pack, size)); err != nil {
			return err
		}
		if len(draft.entries) < draftEntries {
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

// eachPack hands over every pack in the store that the key at hand can look into, and its size.
func (r *Repo) eachPack(ctx context.Context, use func(p Pack, size int64) error) error {
	for _, kind := range packKinds {
		if _, err := r.seals.identity(kind); err != nil {
			continue
		}
		for o, err := range r.store.List(ctx, kind.folder()) {
			if err != nil {
				return fmt.Errorf("list the packs: %w", err)
			}
			hash, ok := parseHash(strings.TrimPrefix(o.Name, kind.folder()))
			if !ok {
				continue
			}
			if err := use(Pack{Catalog: kind == KindCatalog, Hash: hash}, o.Size); err != nil {
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
	described := map[Pack]bool{}
	for _, f := range x.snapshot() {
		for i := range f.packs {
			described[f.packs[i].pack()] = true
		}
	}
	var draft segmentDraft
	err := x.r.eachPack(ctx, func(pack Pack, size int64) error {
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
	slices.SortFunc(d.entries, entry.compare)
	err := x.keep(*d, x.path(hashes), nil)
	*d = segmentDraft{}
	return err
}

// read adds a pack by its own description.
func (d *segmentDraft) read(ctx context.Context, r *Repo, p Pack, size int64) error {
	row, lanes, err := r.inspectPack(ctx, p, size, false, new(Checked))
	if err != nil {
		return err
	}
	packEntries(lanes, d.frames, func(e entry) { d.entries = append(d.entries, e) })
	d.packs = append(d.packs, row)
	d.frames += uint32(len(row.Stored))
	return nil
}

func (r *Repo) putDraft(ctx context.Context, d *segmentDraft) error {
	if len(d.packs) == 0 {
		return nil
	}
	s, hash, err := r.writeSegment(d.packs, sorted(d.entries), nil)
	if err != nil {
		return err
	}
	defer s.close()
	*d = segmentDraft{}
	name := objectName(KindIndex, hash)
	if err := r.store.Put(ctx, name, s.file, s.size); err != nil {
		return fmt.Errorf("store %s: %w", name, err)
	}
	return nil
}
