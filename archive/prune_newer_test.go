package archive_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// TestPruneStopsAtWhatItDoesNotKnow has manifests that a newer program may have written. They may
// need any pack, so a prune removes nothing.
func TestPruneStopsAtWhatItDoesNotKnow(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, w *repo.Writer, m *manifest.Manifest) func(time.Time) ([]byte, error){
		"a key": func(_ *testing.T, _ *repo.Writer, m *manifest.Manifest) func(time.Time) ([]byte, error) {
			return func(at time.Time) ([]byte, error) {
				b, err := m.EncodeAt(at)
				b[0]++                               // one more entry of the map
				return append(b, 0x18, 0x1f, 0), err // 31: 0
			}
		},
		"a kind of items": func(t *testing.T, w *repo.Writer, m *manifest.Manifest) func(time.Time) ([]byte, error) {
			source, err := manifest.EncodeItemSource(&manifest.ItemSource{Kind: manifest.AddressBooks, Observed: time.Unix(1e9, 0)})
			if err != nil {
				t.Fatal(err)
			}
			source[2]++ // the kind
			id, _, err := w.Put(t.Context(), repo.LaneCatalog, source)
			if err != nil {
				t.Fatal(err)
			}
			m.ItemSources = append(m.ItemSources, id)
			return m.EncodeAt
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := &storetest.Memory{}
			r, a := archivetest.NewRepo(t, store), archivetest.SampleAccount()
			b := archivetest.Backup(t, r, a)
			run, err := r.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			w, err := run.Writer(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Commit(t.Context(), b.Account, change(t, w, b.Manifest)); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if err := r.MarkAll(t.Context(), []statement.Marked{{Manifest: b.Head.Name}}); err != nil {
				t.Fatal(err)
			}
			before := store.Names()
			for range 3 {
				store.Advance(25 * time.Hour)
				_, err := archive.Prune(t.Context(), archivetest.Reopen(t, store), repo.PruneOptions{MaxUnused: 0.05})
				if err == nil || !strings.Contains(err.Error(), "newer mailstrata") {
					t.Errorf("the prune ends with %v", err)
				}
			}
			if after := store.Names(); !slices.Equal(before, after) {
				t.Errorf("of %d objects, %d are left", len(before), len(after))
			}
		})
	}
}
