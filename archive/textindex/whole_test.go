package textindex_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/archive/textindex"
	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// An index that is damaged, or is that of another repository, is noticed when it is opened or
// brought up to date. It is dropped and built again, and then finds what a search without it finds.
func TestDamagedIsBuiltAgain(t *testing.T) {
	r, other := newRepo(t, &storetest.Memory{}), newRepo(t, &storetest.Memory{})
	w := newWorld(5)
	for range 3 {
		w.change()
		archivetest.Backup(t, r, w.Account)
		archivetest.Backup(t, other, w.Account)
	}
	foreign := open(t, other)
	bring(t, foreign)
	random := rand.New(rand.NewPCG(1, 1))
	for name, damage := range map[string]func(dir string) error{
		"another index": func(dir string) error { return os.CopyFS(dir, os.DirFS(textindex.Dir(other))) },
		"no pages":      func(dir string) error { return os.Truncate(filepath.Join(dir, "pages"), 0) },
		"half a root":   func(dir string) error { return os.Truncate(filepath.Join(dir, "root"), 20) },
		"noise": func(dir string) error {
			pages, err := os.ReadFile(filepath.Join(dir, "pages"))
			for i := 0; i < len(pages); i += 500 {
				pages[i] ^= byte(1 + random.IntN(255))
			}
			return errors.Join(err, os.WriteFile(filepath.Join(dir, "pages"), pages, 0o600))
		},
	} {
		x := open(t, r)
		bring(t, x)
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		dir := textindex.Dir(r)
		if name == "another index" {
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
		if err := damage(dir); err != nil {
			t.Fatal(err)
		}
		x, dropped, err := textindex.Open(t.Context(), r)
		if err == nil && !dropped {
			_, _, err = x.Bring(t.Context())
			err = errors.Join(err, x.Close())
			if !textindex.IsDamaged(err) {
				t.Fatalf("%s: %v", name, err)
			}
			if err := textindex.Drop(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			x, _, err = textindex.Open(t.Context(), r)
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		compare(t, r, x, name)
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A search and an update that are canceled while they wait for the store end with the cause, and no
// goroutine is left behind: the bubble would not end.
func TestCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(storetest.Memory)
		near := archivetest.NewRepo(t, m)
		a := archivetest.NewAccount()
		for range 4 {
			for i := range 300 {
				a.Mailbox("INBOX").Add(fmt.Sprintf("Subject: number %d\r\n\r\nbody %d of all\r\n", i, i))
			}
			archivetest.Backup(t, near, a)
			m.Advance(24 * time.Hour)
		}
		stopped := errors.New("stopped")
		canceled := 0
		q := &words.Query{Words: &words.Expr{Op: words.Phrase, Words: []string{"all"}}}
		for wait := 10 * time.Millisecond; wait < 600*time.Millisecond; wait += 60 * time.Millisecond {
			for name, do := range map[string]func(context.Context, *repo.Repo, *textindex.Index) error{
				"update": func(ctx context.Context, _ *repo.Repo, x *textindex.Index) error {
					_, _, err := x.Bring(ctx)
					return err
				},
				"search": func(ctx context.Context, r *repo.Repo, _ *textindex.Index) (last error) {
					plain := search.Query{Message: &textindex.Matcher{Query: q}}
					for _, err := range search.FindAll(ctx, r, "", plain, nil) {
						last = err
					}
					return last
				},
			} {
				r, err := repo.Open(t.Context(), storetest.NewFar(m), repo.Unlock{}, repo.Options{CacheDir: t.TempDir(), CacheSize: 1 << 30})
				if err != nil {
					t.Fatal(err)
				}
				x := open(t, r)
				ctx, cancel := context.WithCancelCause(t.Context())
				stop := time.AfterFunc(wait, func() { cancel(stopped) })
				if err := do(ctx, r, x); err != nil && !errors.Is(err, stopped) {
					t.Errorf("%s after %s: %v", name, wait, err)
				}
				if !stop.Stop() {
					canceled++
				}
				cancel(nil)
				if err := errors.Join(x.Close(), r.Close()); err != nil {
					t.Errorf("%s after %s: %v", name, wait, err)
				}
			}
		}
		if canceled < 8 {
			t.Errorf("%d were canceled", canceled)
		}
	})
}
