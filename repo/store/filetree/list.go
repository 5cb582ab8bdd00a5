// Package filetree is what stores share that keep each object in a file under its name, as packages
// dir and sftp do: it lists objects (list.go), and writes and compares their bodies (body.go).
package filetree

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"iter"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/repo/store"
)

// ReadDir returns the entries of a directory in any order, and none if it does not exist. at is ""
// for the root, and else ends in '/'.
type ReadDir func(at string) ([]fs.DirEntry, error)

// List yields the objects whose names begin with prefix, in ascending order of their names, as
// store.Store describes it. One directory of a path is held in memory at a time. Files with other
// names than those of objects are not yielded.
func List(ctx context.Context, prefix string, read ReadDir) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		above := prefix[:strings.LastIndexByte(prefix, '/')+1]
		if above != "" && !store.ValidName(strings.TrimSuffix(above, "/")) {
			return // no object has such a name, and it may be a path that leads elsewhere
		}
		w := &walk{ctx: ctx, prefix: prefix, read: read, yield: yield}
		w.dir(above)
	}
}

type walk struct {
	ctx    context.Context
	prefix string
	read   ReadDir
	yield  func(store.Object, error) bool
}

// dir yields the objects in the directory at, and reports whether to continue.
func (w *walk) dir(at string) bool {
	entries, err := w.read(at)
	if err != nil {
		return w.fail(err)
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { // before sorting: most listings are for one name
		return !strings.HasPrefix(at+key(e), w.prefix) && !strings.HasPrefix(w.prefix, at+key(e))
	})
	// A directory sorts as "name/", between "name-" or "name." and "name0", as the names of its
	// objects do.
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
		return w.dir(name)
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
