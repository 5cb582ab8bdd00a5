package rewrite

import (
	"context"
	"errors"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/ingest"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Repaired is the result of a repair.
type Repaired struct {
	Head repo.Head          // of the new manifest; without a Name if nothing was lost and so none was written
	Lost []manifest.Failure // what cannot be read

	Untagged error // why the new manifest may lack tags of the old one
}

// RepairOptions are the options of Repair.
type RepairOptions struct {
	Stored   bool                  // trust that what counts as stored can be read
	Empty    bool                  // write a manifest even if no message can be read
	Progress func(manifest.Record) // it may be nil; it is called from several goroutines, one at a time
}

// Repair reads everything that a manifest refers to. If something cannot be read, it writes a new
// manifest without it, which names it among its failures, so that the next backup requests it from
// the server. The new manifest follows the old one in the history, and has its tags. The old one is
// kept. If no message can be read, Repair returns ErrNothingReadable.
//
// No writer may take a damaged chunk for stored. Call Repo.RepairPacks before, which makes sure of
// that.
func Repair(ctx context.Context, r *repo.Repo, head repo.Head, o RepairOptions) (repaired Repaired, err error) {
	contents, err := archive.OpenManifest(ctx, r, head)
	if err != nil {
		return Repaired{}, err
	}
	run, err := r.Begin(ctx)
	if err != nil {
		return Repaired{}, err
	}
	writer, err := run.Writer(ctx)
	if err != nil {
		return Repaired{}, err
	}
	defer func() { err = errors.Join(err, writer.Close()) }()
	erased, err := run.Erasures(ctx)
	if err != nil {
		return Repaired{}, err
	}
	recasting := &Rewriter{
		From: contents, To: contents, Writer: writer, Progress: o.Progress, SourceErased: erased, TargetErased: erased,
	}
	recasting.Store = func(ctx context.Context, record *manifest.Record) (ingest.Stored, error) {
		if !o.Stored {
			if err := contents.Body(record).Verify(ctx); err != nil {
				return ingest.Stored{}, err
			}
		}
		return ingest.StoredIn(record), storeMissing(ctx, contents, writer, record)
	}
	recasting.StoreItem = func(ctx context.Context, item *manifest.Item) (manifest.Item, error) {
		if !o.Stored {
			if err := contents.Item(item).Verify(ctx); err != nil {
				return manifest.Item{}, err
			}
		}
		return *item, storeItem(ctx, contents, writer, item)
	}
	m, err := recasting.Rewrite(ctx)
	repaired.Lost = recasting.Lost
	if err != nil || len(repaired.Lost) == 0 {
		return repaired, err
	}
	if recasting.NothingReadable(m) && !o.Empty {
		return repaired, ErrNothingReadable
	}
	m.Deadline, m.Origin, m.Parent = run.Deadline(), (archive.Summary{Head: head, Manifest: contents.Manifest}).Origin(), head.ID
	at, err := FreeTime(ctx, r, contents.Manifest.Account, head)
	if err != nil {
		return repaired, err
	}
	if repaired.Head, err = writer.CommitAt(ctx, contents.Manifest.Account, at, m.EncodeAt); err != nil {
		return repaired, err
	}
	repaired.Untagged, err = copyTags(ctx, r, head, repaired.Head)
	return repaired, err
}

// copyTags gives a manifest the tags of another, if the key can sign them: a pinned manifest is
// kept even if it is damaged. untagged says why it may lack some.
func copyTags(ctx context.Context, r *repo.Repo, from, to repo.Head) (untagged, err error) {
	tags, damage, err := r.ReadableTags(ctx)
	if err != nil || !r.CanRemove() {
		return nil, err
	}
	if len(tags[from.Name]) > 0 {
		err = r.Tag(ctx, to, tags[from.Name], nil)
	}
	if archive.IsDamage(err) {
		return err, nil
	}
	return damage, err
}

// storeMissing stores those chunks of a message that do not count as stored (rule 2). It does not
// rely on the manifest as a parent, which may be late or marked, so that what it needs may be
// condemned.
func storeMissing(ctx context.Context, from *archive.Contents, to *repo.Writer, record *manifest.Record) error {
	parts, err := record.PartList(from.Load(ctx))
	if err != nil {
		return err
	}
	if !record.List.IsZero() {
		err = storeChunk(ctx, from, to, record.List, func([]byte) repo.Lane { return repo.LaneCatalog })
	}
	for _, part := range parts {
		for _, id := range part.Chunks {
			err = errors.Join(err, storeChunk(ctx, from, to, id, func(data []byte) repo.Lane { return ingest.LaneOf(part.Kind, data) }))
		}
	}
	return err
}

// storeChunk stores a chunk if it does not count as stored.
func storeChunk(
	ctx context.Context, from *archive.Contents, to *repo.Writer, id chunk.ID, lane func([]byte) repo.Lane,
) error {
	if has, err := to.Has(ctx, id); err != nil || has {
		return archive.MarkWriteError(err)
	}
	data, err := from.Chunk(ctx, id)
	if err == nil {
		_, _, err = to.Put(ctx, lane(data), data)
		err = archive.MarkWriteError(err)
	}
	return err
}
