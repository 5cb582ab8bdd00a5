package dir

import (
	"context"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/filetree"
)

// List implements store.Store.
func (d *Dir) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return filetree.List(ctx, prefix, func(at string) ([]fs.DirEntry, error) {
		entries, err := os.ReadDir(filepath.Join(d.root, filepath.FromSlash(at)))
		if absent(err) || err == nil && len(entries) == 0 {
			err = d.gone() // the disk may be unmounted; otherwise another process removed an empty directory
		}
		return entries, d.objectError(err)
	})
}
