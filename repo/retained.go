package repo

import (
	"context"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
)

// Now returns the time by the store's clock.
func (r *Repo) Now(ctx context.Context) (time.Time, error) { return r.now(ctx) }

// RetainedUntil returns the time until which the store retains any version of these objects, by the present locks. It is zero
// if the repository is not under lock, or if the store does not say.
func (r *Repo) RetainedUntil(ctx context.Context, names []string) (latest time.Time, err error) {
	return r.store.LastRetained(ctx, []string{format.KindData.Folder(), format.KindCatalog.Folder(), format.KindManifest.Folder()}, names)
}
