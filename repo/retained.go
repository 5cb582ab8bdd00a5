package repo

import (
	"context"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
)

// Now returns the store's time.
func (o *objects) Now(ctx context.Context) (time.Time, error) {
	now, err := o.store.Now(ctx)
	if err != nil {
		return now, fmt.Errorf("ask the store for the time: %w", err)
	}
	return now, nil
}

// RetainedUntil returns the time until which the store retains any version of these objects, by Object Lock. It is zero if
// the repository is not under Object Lock, or if the store does not report retention.
func (o *objects) RetainedUntil(ctx context.Context, names []string) (latest time.Time, err error) {
	return o.store.LastRetained(ctx, []string{format.KindData.Folder(), format.KindCatalog.Folder(), format.KindManifest.Folder()}, names)
}
