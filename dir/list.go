package dir

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/repo/store"
)

// List implements store.Store. One directory of a path is held in memory at a time.
func (d *Dir) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		w := &walk{ctx: ctx, d: d, prefix: prefix, yield: yield}
		w.dir("")
	}
}

type walk struct {
	ctx    context.Context
	d      *Dir
	prefix string
	yield  func(store.Object, error) bool
}

// dir yields the objects in the directory at, which is "" or ends in '/', and reports whether to continue.
func (w *walk) dir(at string) bool {
	entries, err := os.ReadDir(filepath.Join(w.d.root, filepath.FromSlash(at)))
	if absent(err) || err == nil && len(entries) == 0 {
		err = w.d.gone() // the disk may be unmounted; otherwise another process removed an empty directory
	}
	if err != nil {
		return w.fail(w.d.objectError(err))
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { // before sorting: most listings are for one name
		return !strings.HasPrefix(at+key(e), w.prefix) && !strings.HasPrefix(w.prefix, at+key(e))
	})
	// A directory sorts as "name/", between "name-" or "name." and "name0", as the names of its objects do.
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(key(a), key(b)) })
	for _, e := range entries {
		if !w.entry(at, e) {
			return false
		}
	}
	return true
}

func key(e fs.DirEntry) string {
	if e.IsDir() {
		return e.Name() + "/"
	}
	return e.Name()
}

func (w *walk) entry(at string, e fs.DirEntry) bool {
	if err := w.ctx.Err(); err != nil {
		return w.fail(err)
	}
	name := at + key(e)
	switch {
	case !store.ValidName(at + e.Name()):
		return true // not an object
	case e.IsDir():
		if strings.HasPrefix(name, w.prefix) || strings.HasPrefix(w.prefix, name) {
			return w.dir(name)
		}
		return true
	case !e.Type().IsRegular() || !strings.HasPrefix(name, w.prefix):
		return true
	}
	info, err := e.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return true // deleted since
	}
	if err != nil {
		return w.fail(err)
	}
	return w.yield(store.Object{Name: name, Size: info.Size(), Time: info.ModTime()}, nil)
}

func (w *walk) fail(err error) bool {
	w.yield(store.Object{}, err)
	return false
}
