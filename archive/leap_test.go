package archive_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/internal/testbed"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
)

// While a MinIO's clock is two days ahead or behind, nothing is forgotten or pruned, though every
// grace period seems to be over. When the clock is right again, the second run of a prune sees the
// true age of each object.
func TestNothingIsRemovedWhileTheClockIsWrong(t *testing.T) {
	minio := testbed.MinIO(t)
	minio.Setenv(t)
	var leap atomic.Int64
	g := &testbed.Gateway{Clock: func() time.Time { return time.Now().Add(time.Duration(leap.Load())) }}
	store := openS3(t, g.Before(t, minio), minio.NewBucket(), "", time.Minute)
	if err := store.MakeBucket(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, a := archivetest.NewRepo(t, store), archivetest.LargeAccount(300)
	archivetest.Backup(t, r, a)
	a.Mailboxes["INBOX"].Expunge(a.Mailboxes["INBOX"].Messages[0].UID)
	last := archivetest.Backup(t, r, a)
	plan, err := archive.PlanForget(t.Context(), r, nil, history.Policy{Last: 1}, time.UTC, nil)
	mustForget(t, plan, err)
	objects := func() (n int) {
		for _, err := range store.List(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n
	}
	before := objects()
	for _, by := range []time.Duration{48 * time.Hour, -48 * time.Hour} {
		leap.Store(int64(by))
		again, err := repo.Open(t.Context(), openS3(t, testbed.S3{Endpoint: store.Endpoint, AccessKey: minio.AccessKey, SecretKey: minio.SecretKey},
			store.Bucket, "", time.Minute), repo.Unlock{}, repo.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Prune(t.Context(), again, repo.PruneOptions{}); !errors.Is(err, repo.ErrSkew) || objects() != before {
			t.Errorf("a prune while the store is %s off: %v; %d objects, %d before", by, err, objects(), before)
		}
		if err := again.MarkAll(t.Context(), []statement.Marked{{Manifest: last.Head.Name}}); !errors.Is(err, repo.ErrSkew) {
			t.Errorf("a mark while the store is %s off: %v", by, err)
		}
		again.Close()
	}
	leap.Store(0)
	report := mustPrune(t, r)
	if report.Manifests.Objects+report.Deleted.Objects > 0 || report.Roots != 2 {
		t.Errorf("right after the mark a prune has deleted %+v", report)
	}
	archivetest.MustHold(t, r, last, a.State())
}
