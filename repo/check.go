package repo

import (
	"context"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/check"
	"github.com/mailstrata/mailstrata/repo/internal/head"
	"github.com/mailstrata/mailstrata/repo/internal/locks"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// What Check looks at, and what it counts and finds.
type (
	Problem     = objects.Problem
	ProblemKind = objects.ProblemKind
	Checked     = objects.Checked

	HashRange = check.HashRange
	Share     = check.Share
	Rolling   = check.Rolling
	PastCheck = check.Past
)

// The kinds of problems.
const (
	Broken    = objects.Broken    // an object is damaged
	Missing   = objects.Missing   // an index names a pack that is not in the store
	Unindexed = objects.Unindexed // no index names a pack
	Stray     = objects.Stray     // an object is not mailstrata's
	Unread    = objects.Unread    // this key cannot open an object
	Condemned = objects.Condemned // a pack is damaged, but will be deleted anyway
	Overlaid  = objects.Overlaid  // a newer version or a delete marker is over an object
	Unlocked  = objects.Unlocked  // locks end earlier than the repository promises
)

// Progress is the progress of a check, a prune or a renewal.
type Progress = objects.Progress

// AllPacks is the range of every pack.
var AllPacks = check.AllPacks

// RandomRange returns a range that holds about a share, from 0 to 1, of all packs.
func RandomRange(share float64) HashRange { return check.RandomRange(share) }

// Check checks every object. It reads the packs in data whole: every frame, and the hash of every
// chunk. With a writer's key, which cannot open them, it compares their bytes with their names. Of
// the other packs of mail it reads the description, and compares it with the index. It reports
// problems and goes on. An error ends it. progress may be nil.
//
// It checks the objects in share alone. It reads the whole index anyway, because only the index
// says what is in the packs.
func (r *Repo) Check(
	ctx context.Context, data HashRange, share Share, report func(Problem), progress func(Progress),
) (Checked, error) {
	in := check.Repository{
		Access:    r.access,
		Condemned: r.Condemned,
		Marks:     func(ctx context.Context) (statement.Marks, error) { return r.marks(ctx, objects.Concerns) },
		Parse: map[format.Kind]func([]byte) error{
			format.KindManifest: func(content []byte) error {
				_, err := head.ParseOutline(content)
				return err
			},
			format.KindRenewal: locks.CheckRenewal,
		},
	}
	return check.Run(ctx, in, check.Options{Data: data, Share: share, Report: report, Progress: progress})
}

// Rolling returns what to read now so that every pack of a share is read once within a period.
func (r *Repo) Rolling(ctx context.Context, share Share, period time.Duration) (Rolling, error) {
	return check.Next(ctx, r.objects, share, period)
}

// Rolled records that the check is done. It deletes older records, if the store allows that.
func (r *Repo) Rolled(ctx context.Context, rolling Rolling) error {
	return check.Record(ctx, r.objects, rolling)
}

// PastChecks returns the newest rolling check of each share, the newest first. Objects that cannot
// be read and those with a time of the future are left out: an earlier check of the share counts
// then.
func (r *Repo) PastChecks(ctx context.Context) ([]PastCheck, error) {
	return check.All(ctx, r.objects)
}
