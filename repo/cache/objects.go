package cache

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/localseal"
)

// Keeps reports whether a cache keeps objects of a kind: small ones that every run reads.
func Keeps(k format.Kind) bool {
	return k == format.KindManifest || k == format.KindMark || k == format.KindCondemnation ||
		k == format.KindNote || k == format.KindRenewal || k == format.KindErasure
}

// Path returns the path of a cached object. Each folder of the store
// has a directory, because a host that archives many accounts keeps many manifests, and each run
// looks through those of its accounts.
func (d *Dir) Path(name string) string {
	folder, last := path.Split(name)
	return filepath.Join(d.folder(folder), last)
}

// folder returns the directory for the objects in a folder of the store. The name of the folder
// ends with a slash.
func (d *Dir) folder(name string) string {
	return filepath.Join(d.objects(), strings.ReplaceAll(strings.TrimSuffix(name, "/"), "/", "_"))
}

// Object returns the content of an object that KeepObject kept with the same key. It removes any
// other file: one that is damaged, or that an earlier program or another key has left.
func (d *Dir) Object(name string, k *localseal.Key) ([]byte, bool) {
	if d == nil {
		return nil, false
	}
	file, err := os.ReadFile(d.Path(name))
	if err != nil {
		return nil, false
	}
	content, ok := k.Open(name, file)
	if !ok {
		_ = os.Remove(d.Path(name))
	}
	return content, ok
}

// KeepObject keeps the content of an object, which was checked, if it can.
func (d *Dir) KeepObject(name string, content []byte, k *localseal.Key) {
	if len(content) <= maxObject {
		d.Write(name, k.Seal(name, content))
	}
}

// maxObject bounds the content of an object that is kept.
const maxObject = 1 << 20

// Write makes the file of an object, if it can.
func (d *Dir) Write(name string, file []byte) {
	if d == nil || len(file) == 0 {
		return
	}
	to := d.Path(name)
	f, err := os.CreateTemp(filepath.Dir(to), temporaryObject)
	if errors.Is(err, fs.ErrNotExist) && os.MkdirAll(filepath.Dir(to), 0o700) == nil {
		f, err = os.CreateTemp(filepath.Dir(to), temporaryObject)
	}
	if err != nil {
		return
	}
	_, err = f.Write(file)
	if f.Close() != nil || err != nil || os.Rename(f.Name(), to) != nil {
		_ = os.Remove(f.Name())
	}
}

const temporaryObject = ".new-*"

// cachedManifests is the number of manifests of an account that the cache keeps. Runs do not read
// older ones.
const cachedManifests = 1000

// KeepListed removes objects of a folder, and of those below it, that are no longer listed.
func (d *Dir) KeepListed(folder string, listed map[string]bool) {
	if d == nil {
		return
	}
	folders, _ := os.ReadDir(d.objects())
	for _, f := range folders {
		if name := strings.ReplaceAll(f.Name(), "_", "/") + "/"; strings.HasPrefix(name, folder) {
			d.sweep(name, func(_ int, name string) bool { return listed[name] })
		}
	}
}

// KeepNewest removes all but the newest manifests of an account. Their names sort by time.
func (d *Dir) KeepNewest(dir string) {
	d.sweep(format.KindManifest.Folder()+dir+"/", func(i int, _ string) bool { return i < cachedManifests })
}

// sweep removes objects of a folder, except those that keep reports, and files that a crash left.
func (d *Dir) sweep(folder string, keep func(i int, name string) bool) {
	files, _ := os.ReadDir(d.folder(folder))
	n := 0
	for _, file := range files {
		if strings.HasPrefix(file.Name(), strings.TrimSuffix(temporaryObject, "*")) {
			if info, err := file.Info(); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
				_ = os.Remove(filepath.Join(d.folder(folder), file.Name()))
			}
			continue
		}
		if name := folder + file.Name(); !keep(n, name) {
			_ = os.Remove(d.Path(name))
		}
		n++
	}
}
