package sftp

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"iter"

	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/filetree"
)

// List implements store.Store.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return filetree.List(ctx, prefix, func(at string) (entries []fs.DirEntry, err error) {
		err = s.retry(ctx, "list "+cmp.Or(at, "the repository"), func(c *connection) error {
			infos, err := c.ReadDirContext(ctx, s.path(at))
			if at != "" && errors.Is(err, fs.ErrNotExist) || err == nil && len(infos) == 0 {
				err = s.gone(c) // the disk may be unmounted; otherwise another process removed an empty directory
			}
			entries = entries[:0]
			for _, info := range infos {
				entries = append(entries, fs.FileInfoToDirEntry(info))
			}
			return err
		})
		return entries, err
	})
}
