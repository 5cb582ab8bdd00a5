package sftp

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/repo/store"
)

// List implements store.Store. One directory of a path is held in memory at a time.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		w := &walk{ctx: ctx, s: s, prefix: prefix, yield: yield}
		// The directory that the prefix names is read at once: its parents need not be.
		above := prefix[:strings.LastIndexByte(prefix, '/')+1]
		if above != "" && !store.ValidName(strings.TrimSuffix(above, "/")) {
			return
		}
		w.dir(above)
	}
}

type walk struct {
	ctx    context.Context
	s      *Store
	prefix string
	yield  func(store.Object, error) bool
}

// dir yields the objects in the directory at, which is "" or ends in '/', and reports whether to continue.
func (w *walk) dir(at string) bool {
	var entries []os.FileInfo
	err := w.s.retry(w.ctx, "list "+cmp.Or(at, "the repository"), func(c *connection) (err error) {
		entries, err = c.ReadDirContext(w.ctx, w.s.path(at))
		if at != "" && errors.Is(err, fs.ErrNotExist) {
			entries, err = nil, nil
		}
		if err == nil && len(entries) == 0 {
			err = w.s.gone(c) // the disk may be unmounted; otherwise it is empty
		}
		return err
	})
	if err != nil {
		w.yield(store.Object{}, err)
		return false
	}
	// A directory sorts as "name/", between "name-" or "name." and "name0", as the names of its objects do.
	slices.SortFunc(entries, func(a, b os.FileInfo) int { return cmp.Compare(key(a), key(b)) })
	for _, e := range entries {
		if !w.entry(at, e) {
			return false
		}
	}
	return true
}

func key(e os.FileInfo) string {
	if e.IsDir() {
		return e.Name() + "/"
	}
	return e.Name()
}

func (w *walk) entry(at string, e os.FileInfo) bool {
	name := at + key(e)
	switch {
	case !store.ValidName(at + e.Name()):
		return true // not an object
	case e.IsDir():
		if strings.HasPrefix(name, w.prefix) || strings.HasPrefix(w.prefix, name) {
			return w.dir(name)
		}
		return true
	case !e.Mode().IsRegular() || !strings.HasPrefix(name, w.prefix):
		return true
	}
	return w.yield(store.Object{Name: name, Size: e.Size(), Time: e.ModTime()}, nil)
}
