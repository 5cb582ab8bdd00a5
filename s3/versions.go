package s3

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/mailstrata/mailstrata/repo/store"
)

// Versions implements store.Versioned. The whole listing is held in memory, some 200 bytes a
// version: a page may have its delete markers apart from its versions, and the client library does
// not show where a page ends.
func (s *Store) Versions(ctx context.Context, prefix string) iter.Seq2[store.Version, error] {
	return func(yield func(store.Version, error) bool) {
		var all []store.Version
		err := s.retry(ctx, strings.TrimSpace("list versions "+prefix), func(int) (err error) {
			var doubtful bool
			if all, doubtful, err = s.versions(ctx, s.prefix+prefix); err == nil && doubtful {
				all, err = s.moreVersions(ctx, s.prefix+prefix, all)
			}
			return err
		})
		if err != nil {
			yield(store.Version{}, err)
			return
		}
		for _, v := range all {
			if !yield(v, nil) {
				return
			}
		}
	}
}

// moreVersions lists again if a listing ended with an empty page after one that promised more. The
// longer listing counts.
func (s *Store) moreVersions(ctx context.Context, prefix string, before []store.Version) ([]store.Version, error) {
	again, _, err := s.versions(ctx, prefix)
	if len(again) < len(before) {
		again = before
	}
	return again, err
}

func (s *Store) versions(ctx context.Context, prefix string) (all []store.Version, doubtful bool, err error) {
	watched, pages := watchPages(ctx)
	found := s.client().ListObjectsIter(watched, s.Bucket, minio.ListObjectsOptions{
		Prefix: prefix, Recursive: true, WithVersions: true,
	})
	for o := range found {
		if o.Err != nil {
			return nil, false, s.permissionError(o.Err)
		}
		name, ours := strings.CutPrefix(o.Key, s.prefix)
		if !ours || !strings.HasPrefix(o.Key, prefix) || !store.ValidName(name) {
			continue
		}
		all = append(all, store.Version{
			Object: store.Object{Name: name, Size: o.Size, Time: o.LastModified},
			ID:     o.VersionID, Latest: o.IsLatest, Marker: o.IsDeleteMarker,
		})
	}
	slices.SortStableFunc(all, func(a, b store.Version) int { return cmp.Compare(a.Name, b.Name) })
	return all, pages.doubtful, ctx.Err() // the client library ends a canceled listing as if it were complete
}

// permissionError returns store.ErrPermission for a refusal to list versions, as store.Versioned
// requires.
func (s *Store) permissionError(err error) error {
	switch code(err) {
	case minio.AccessDenied, minio.NotImplemented, minio.MethodNotAllowed, "VersioningNotConfigured":
		return final(fmt.Errorf("%w: %s does not let these credentials list versions (s3:ListBucketVersions). It answers: %s",
			store.ErrPermission, s.Endpoint, ownWords(minio.ToErrorResponse(err))))
	}
	return err
}
