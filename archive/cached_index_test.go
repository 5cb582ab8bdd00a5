package archive_test

import (
	"context"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// asked counts the objects of the index that are requested.
type asked struct {
	*storetest.Memory
	segments atomic.Int64
}

func (a *asked) Get(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
	if strings.HasPrefix(name, "index/") {
		a.segments.Add(1)
	}
	return a.Memory.Get(ctx, name, offset, length)
}

// A host caches what its run adds to the index, so the next night does not fetch it.
func TestHostCachesTheIndexThatItWrote(t *testing.T) {
	store := &asked{Memory: &storetest.Memory{}}
	archivetest.NewRepo(t, store)
	a := archivetest.LargeAccount(2000)
	o := repo.Options{CacheDir: t.TempDir(), StateDir: t.TempDir(), Location: "memory"}
	for range 8 { // more than there may be files in a cache
		r, err := repo.Open(t.Context(), store, repo.Unlock{}, o)
		if err != nil {
			t.Fatal(err)
		}
		archivetest.MustHold(t, r, archivetest.Backup(t, r, a), a.State())
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		a.Mailbox("INBOX").Add("Subject: new\r\n\r\n")
	}
	if n := store.segments.Load(); n > 0 {
		t.Errorf("%d requests for what this host wrote itself", n)
	}
	segments := 0
	for _, name := range store.Names() {
		if strings.HasPrefix(name, "index/") {
			segments++
		}
	}
	if segments < 8 {
		t.Errorf("%d segments: this test shows nothing", segments)
	}
}
