package prune

import (
	"context"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/census"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/clock"
	"github.com/mailstrata/mailstrata/repo/internal/head"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Options configure a prune.
type Options struct {
	// DryRun says to change nothing, and to report what a prune would do.
	DryRun bool

	// MaxUnused is the share of all packs, from 0 to 1, that may be unused before packs are
	// repacked.
	MaxUnused float64

	// Compression is how much packs that are rewritten are compressed. With format.Max, packs of
	// mail that are not compressed so are rewritten if they are more than a quarter of all mail.
	Compression format.Compression

	// Erased is called with each unmarked manifest that holds what was erased, because its run
	// began before the erasure. It may be nil.
	Erased func(head.Head)

	// Left is called with each object that the store would not delete, or that could not be read.
	// It may be nil.
	Left func(name string, err error)

	// Progress may be nil, and may be called several times at once.
	Progress func(objects.Progress)
}

// Amount counts objects.
type Amount struct {
	Objects int
	Bytes   int64
}

func (a *Amount) add(bytes int64) {
	a.Objects++
	a.Bytes += bytes
}

// Report says what a prune found and did, or what a dry run would do.
type Report struct {
	Roots int    // manifests that stay, and those that were forgotten less than a day ago
	Packs Amount // before the prune

	Manifests Amount // forgotten manifests that were deleted
	Deleted   Amount // packs that were deleted
	Condemned Amount // packs that were condemned now; a later prune deletes them
	Waiting   Amount // packs that were condemned less than a day ago

	// WaitingFrom is when a prune may delete all packs in Waiting, by the store's clock. Marked is
	// how many manifests were forgotten less than a day ago, and MarkedFrom when a prune may delete
	// all of these. A lock may hold both back for longer.
	WaitingFrom time.Time
	Marked      int
	MarkedFrom  time.Time

	Rewritten Amount // packs whose needed chunks were copied into new ones; counted in Condemned too
	Copied    Amount // new packs; a dry run estimates their bytes
	Erased    Amount // packs that hold what was erased; counted in Condemned or Waiting too, or they stay

	Segments Amount // index segments that were merged
	Replaced Amount // index segments that were deleted, because others hold the same

	Unused   int64 // bytes in packs that no manifest needs and that stay: less than MaxUnused, or too young
	Retained Amount
	Renewed  int   // objects whose lock was renewed
	Locks    error // why due locks were not renewed, or new objects are not locked
	Unread   int   // packs that cannot be read; they stay
	Lost     int64 // needed chunks that are in no pack; mailstrata check shows which messages need them
}

// Walk follows manifests, one after the other. It calls reach for every chunk that a manifest
// needs, in the order in which a reader of the manifest reads them, and then done with the
// manifest, or with the error that ended its walk. Walk ends if done returns an error.
type Walk func(ctx context.Context, roots []head.Head, reach Reach, done func(head.Head, error) error) error

// Reach records that a chunk is needed. It reports whether this is the first call for the chunk: a
// Walk need not follow again what the chunk refers to. Packs that a prune writes hold chunks in the
// order of their first calls, except that chunks with the same number like are beside each other,
// unless it is 0. Versions of a page have the same number, because they compress well together.
type Reach func(id chunk.ID, like uint64) (first bool, err error)

// Run prunes a repository (rules 7 to 10 of docs/design/removing.md). It condemns packs that are
// not needed, and deletes those that were condemned a day ago and are still not needed. Several
// prunes may run at once, beside any number of runs. A prune may be killed at any point; the next
// one continues.
func Run(ctx context.Context, r Repository, o Options, walk Walk) (*Report, error) {
	p := &pruner{survey: survey{deleter: deleter{Options: o, r: r}, walk: walk}}
	return &p.report, p.all(ctx)
}

// pruner is one prune. It makes a survey, follows the plan, and deletes.
type pruner struct {
	survey
	erasing int // packs that hold what was erased and are not condemned
}

func (p *pruner) all(ctx context.Context) error {
	if err := p.look(ctx); err != nil {
		return err
	}
	defer p.census.Close()
	for _, step := range []func(context.Context) error{
		p.removeManifests, p.sweep, p.rewrite, p.condemn, p.removeErased, p.removeAlarms, (&indexMerger{survey: &p.survey}).run,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// plan returns what is to be done with the packs.
func (p *pruner) plan() *census.Plan {
	return &census.Plan{
		Census: p.census, Now: p.now, Grace: clock.Grace, MaxUnused: p.MaxUnused, Compression: p.Compression,
	}
}

// sweep deletes each pack that was condemned a day ago, if no chunk in it is needed, or all that
// are lie in other packs that are listed and not condemned (second half of rule 8). It copies the
// needed chunks of the other packs, which a later prune deletes (rule 9).
func (p *pruner) sweep(ctx context.Context) error {
	condemned, waiting, living := p.plan().Condemned()
	var doomed []store.Object
	for _, s := range condemned {
		doomed = append(doomed, p.packs[s.Pack()])
	}
	for _, s := range waiting {
		p.report.Waiting.add(int64(s.Size))
		p.report.WaitingFrom = later(p.report.WaitingFrom, s.CondemnedAt.Add(clock.Grace))
	}
	gone, err := p.remove(ctx, "packs deleted", doomed, &p.report.Deleted)
	if err != nil {
		return err
	}
	for _, o := range gone { // so that the merged index need not name them
		pack, _ := format.ParsePack(o.Name)
		delete(p.packs, pack)
	}
	_, err = p.copy(ctx, living)
	return err
}

// later returns the later one of two times.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// condemn condemns packs in which nothing is kept (rule 7).
func (p *pruner) condemn(ctx context.Context) error {
	for _, s := range p.census.Packs() {
		if s.Listed && s.HoldsErased() {
			p.report.Erased.add(int64(s.Size))
		}
	}
	useless, stay := p.plan().Useless()
	for _, s := range stay {
		p.report.Unused += s.Unused()
		if s.HoldsErased() {
			p.erasing++
		}
	}
	var packs []format.Pack
	for _, s := range useless {
		packs = append(packs, s.Pack())
		p.report.Condemned.add(int64(s.Size))
	}
	if p.DryRun || len(packs) == 0 {
		return nil
	}
	return p.r.Condemn(ctx, packs)
}

// removeManifests deletes manifests that were forgotten a day ago. Their marks stay.
func (p *pruner) removeManifests(ctx context.Context) error {
	_, err := p.remove(ctx, "forgotten manifests deleted", objectsOf(p.forgotten), &p.report.Manifests)
	return err
}

// removeErased deletes manifests that hold what was erased, if every pack that holds any of it is
// condemned. Otherwise a later prune does.
func (p *pruner) removeErased(ctx context.Context) error {
	if p.erasing > 0 {
		return nil
	}
	_, err := p.remove(ctx, "erased manifests deleted", objectsOf(p.erased), &p.report.Manifests)
	return err
}

func objectsOf(heads []head.Head) (all []store.Object) {
	for _, h := range heads {
		all = append(all, store.Object{Name: h.Name, Size: h.Size})
	}
	return all
}
