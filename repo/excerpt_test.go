package repo_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// An excerpt is what was kept, or nothing: it is neither readable nor believed after it was changed
// or moved.
func TestExcerpts(t *testing.T) {
	worlds(t, func(t *testing.T, memory *storetest.Memory, o repo.InitOptions) {
		r := mustInit(t, memory, o)
		c, _, _ := mustBackup(t, r, "me", 1, 40)
		dir := t.TempDir()
		host := repo.OnCached(r, memory, dir, 1<<30)
		defer host.Close()
		places, err := host.Locate(t.Context(), idsOf(c))
		if err != nil {
			t.Fatal(err)
		}
		frame, other := places[0].Frame, places[0].Frame
		other.Offset++
		reader := func() *repo.Reader {
			rd := host.Reader(repo.ReaderOptions{})
			rd.Keep(repo.KeptMail)
			return rd
		}
		if rd := host.Reader(repo.ReaderOptions{}); rd.KeepsExcerpts() {
			t.Error("a reader that keeps nothing keeps excerpts")
		}
		excerpt := []byte("Subject: a secret plan")
		reader().KeepExcerpt(frame, excerpt)
		if got, kept := reader().Excerpt(frame); !kept || !bytes.Equal(got, excerpt) {
			t.Fatalf("%q", got)
		}
		if got, kept := reader().Excerpt(other); kept {
			t.Errorf("%q of another frame", got)
		}
		paths, err := filepath.Glob(filepath.Join(dir, "*", "packs", "h*"))
		if err != nil || len(paths) != 1 {
			t.Fatal(paths, err)
		}
		stored, err := os.ReadFile(paths[0])
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(stored, []byte("secret")) {
			t.Error("an excerpt can be read on the disk")
		}
		for i := range stored {
			changed := bytes.Clone(stored)
			changed[i] ^= 1
			if err := os.WriteFile(paths[0], changed, 0o600); err != nil {
				t.Fatal(err)
			}
			if got, kept := reader().Excerpt(frame); kept {
				t.Fatalf("byte %d was changed: %q", i, got)
			}
		}
		reader().KeepExcerpt(frame, excerpt)
		host.DropLocal(nil)
		if paths, _ := filepath.Glob(filepath.Join(dir, "*", "packs", "*")); len(paths) != 0 {
			t.Errorf("left after an erasure: %q", paths)
		}
	})
}
