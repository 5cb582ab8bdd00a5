package archivetest

import (
	"context"
	"testing"

	"github.com/mailstrata/mailstrata/archive/check"
	"github.com/mailstrata/mailstrata/archive/replicate"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Reopen opens a repository as a host does that has nothing cached.
func Reopen(t testing.TB, store store.Store) *repo.Repo {
	t.Helper()
	return ReopenWith(t, store, repo.Options{CacheDir: t.TempDir()})
}

// ReopenWith is Reopen with options.
func ReopenWith(t testing.TB, store store.Store, o repo.Options) *repo.Repo {
	t.Helper()
	r, err := repo.Open(t.Context(), store, repo.Unlock{}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// MustBeSound checks a repository to the last byte, and fails the test for each problem.
func MustBeSound(t *testing.T, r *repo.Repo) {
	t.Helper()
	_, err := check.Run(t.Context(), check.Options{Repo: r, Data: repo.AllPacks}, func(p check.Problem) {
		if !p.Harmless {
			t.Error(p)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Copy copies a repository to another, which must succeed. It also returns the number of messages
// that were copied.
func Copy(t *testing.T, from, to *repo.Repo) (copied []replicate.Copied, messages int) {
	t.Helper()
	copied, messages, err := TryCopy(t.Context(), from, to)
	if err != nil {
		t.Fatal(err)
	}
	return copied, messages
}

// TryCopy is Copy for a copy that may fail.
func TryCopy(ctx context.Context, from, to *repo.Repo) (copied []replicate.Copied, messages int, err error) {
	o := replicate.CopyOptions{From: from, To: to, Progress: func(manifest.Record) { messages++ }}
	err = replicate.Copy(ctx, o, func(c replicate.Copied) { copied = append(copied, c) })
	return copied, messages, err
}
