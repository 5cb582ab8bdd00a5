package repo

import (
	"context"
	"fmt"
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
	for o, err := range r.store.List(ctx, "") {
		if err != nil {
			return packs, fmt.Errorf("list the store: %w", err)
		}
		kind, ok := kindOf(o.Name)
		if !ok || kind != KindData && kind != KindCatalog {
			continue
		}
		hash, _ := objectHash(o.Name)
		pack := Pack{Catalog: kind == KindCatalog, Hash: hash}
		_, indexed := c.indexed[pack]
		if _, gone := condemned[pack]; indexed || gone {
			continue
		}
		if err := c.outcome(ctx, o.Name, draft.read(ctx, r, pack, o.Size)); err != nil {
			return packs, err
		}
		if len(draft.entries) >= draftEntries {
			packs += len(draft.packs)
			if err := r.putDraft(ctx, &draft); err != nil {
				return packs, err
			}
		}
	}
	packs += len(draft.packs)
	return packs, r.putDraft(ctx, &draft)
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
