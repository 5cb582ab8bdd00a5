package repo

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"filippo.io/age"
	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/packs"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/zeebo/blake3"
)

// cache is a directory of what can be fetched again. Everything in it is checked when it is read, and what is missing or damaged is
// fetched. If the directory disappears during a run, it is made again, or a temporary one replaces it.
type cache struct {
	mu        sync.Mutex
	dir       string
	temporary []string // temporary directories, removed at the end; if there are any, dir is the last one

	packs *packs.Cache // parts of packs; nil if none are kept
}

// openCache makes the directory of a repository under dir, or a temporary one if it cannot. packsSize bounds the parts of
// packs in it; a temporary directory has none.
func openCache(dir string, repository [16]byte, packsSize int64) (*cache, error) {
	c := new(cache)
	if dir != "" {
		c.dir = filepath.Join(dir, hex.EncodeToString(repository[:]))
		if c.make() == nil {
			_ = os.RemoveAll(c.sub("objects")) // of programs that kept all small objects in one directory
			c.packs = packs.OpenCache(c.sub("packs"), packsSize)
			return c, nil
		}
	}
	if err := c.moveAway(); err != nil {
		return nil, err
	}
	return c, nil
}

// moveAway moves the cache to a temporary directory.
func (c *cache) moveAway() error {
	dir, err := local.MkdirTemp("mailstrata-")
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.dir, c.temporary = dir, append(c.temporary, dir)
	c.mu.Unlock()
	return c.make()
}

// make makes the missing directories, and a file, because an existing directory may be read-only.
func (c *cache) make() error {
	for _, dir := range []string{c.objects(), c.indexes(), c.spools()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return local.Fail("make a cache directory", dir, err)
		}
	}
	f, err := os.CreateTemp(c.spools(), "try-*")
	if err != nil {
		return local.Fail("make a file in", c.spools(), err)
	}
	f.Close()
	return os.Remove(f.Name())
}

// After triesInPlace tries, the others are in a temporary directory.
const (
	triesInPlace = 3
	triesInAll   = 6
)

// do makes files of the cache. If that fails with an error of this host, do makes the directories again and repeats it,
// unless the disk is full.
func (c *cache) do(what func() error) error {
	for try := 1; ; try++ {
		err := what()
		if !local.Is(err) || local.IsFull(err) || try == triesInAll {
			return err
		}
		if try >= triesInPlace || c.make() != nil {
			if c.moveAway() != nil {
				return err
			}
		}
	}
}

// spoolFile makes a temporary file for an object. named reports that the open file still has its name and must be removed.
func (c *cache) spoolFile(pattern string) (file local.File, named bool, err error) {
	err = c.do(func() error {
		f, err := os.CreateTemp(c.spools(), pattern)
		file = local.File{File: f}
		return local.Fail("make a temporary file in", c.spools(), err)
	})
	if err != nil {
		return local.File{}, false, err
	}
	return file, os.Remove(file.Name()) != nil, nil
}

// spool returns a spool for an object that is to be put.
func (c *cache) spool(recipients []age.Recipient) (*format.Spool, error) {
	file, named, err := c.spoolFile("spool-*")
	if err != nil {
		return nil, err
	}
	return format.NewSpool(file, named, recipients)
}

func (c *cache) close() (err error) {
	if c == nil {
		return nil
	}
	for _, dir := range c.temporary {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}

// place returns the present directory of the cache.
func (c *cache) place() (dir string, temporary bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dir, len(c.temporary) > 0
}

func (c *cache) sub(name string) string {
	dir, _ := c.place()
	return filepath.Join(dir, name)
}

func (c *cache) objects() string  { return c.sub("small") }
func (c *cache) indexes() string  { return c.sub("index") }
func (c *cache) spools() string   { return c.sub("spool") }
func (c *cache) recovery() string { return c.sub("spill") }

// keepsCached reports whether the cache keeps objects of a kind: small ones that every run reads.
func keepsCached(k format.Kind) bool {
	return k == format.KindManifest || k == format.KindMark || k == format.KindCondemnation || k == format.KindNote || k == format.KindRenewal || k == format.KindErasure
}

// path returns the path of a cached object. Sealed objects stay sealed. Each folder of the store has a directory, because a
// host that archives many accounts keeps many manifests, and each run looks through those of its accounts.
func (c *cache) path(name string) string {
	folder, last := path.Split(name)
	return filepath.Join(c.folder(folder), last)
}

// folder returns the directory for the objects in a folder of the store. The name of the folder ends with a slash.
func (c *cache) folder(name string) string {
	return filepath.Join(c.objects(), strings.ReplaceAll(strings.TrimSuffix(name, "/"), "/", "_"))
}

// object returns an object's stored bytes, checked against its name.
func (c *cache) object(name string) ([]byte, bool) {
	if c == nil {
		return nil, false
	}
	stored, err := os.ReadFile(c.path(name))
	if err != nil {
		return nil, false
	}
	hash, ok := store.Hash(name)
	if !ok || blake3.Sum256(stored) != hash {
		_ = os.Remove(c.path(name))
		return nil, false
	}
	return stored, true
}

// keepObject keeps an object's stored bytes, if it can.
func (c *cache) keepObject(name string, stored []byte) {
	if c == nil || len(stored) > 1<<20 {
		return
	}
	to := c.path(name)
	f, err := os.CreateTemp(filepath.Dir(to), temporaryObject)
	if errors.Is(err, fs.ErrNotExist) && os.MkdirAll(filepath.Dir(to), 0o700) == nil {
		f, err = os.CreateTemp(filepath.Dir(to), temporaryObject)
	}
	if err != nil {
		return
	}
	_, err = f.Write(stored)
	if f.Close() != nil || err != nil || os.Rename(f.Name(), to) != nil {
		_ = os.Remove(f.Name())
	}
}

const temporaryObject = ".new-*"

// cachedManifests is the number of manifests of an account that the cache keeps. Runs do not read older ones.
const cachedManifests = 1000

// keepListed removes objects of a folder, and of those below it, that are no longer listed.
func (c *cache) keepListed(folder string, listed map[string]bool) {
	if c == nil {
		return
	}
	folders, _ := os.ReadDir(c.objects())
	for _, f := range folders {
		if name := strings.ReplaceAll(f.Name(), "_", "/") + "/"; strings.HasPrefix(name, folder) {
			c.sweep(name, func(_ int, name string) bool { return listed[name] })
		}
	}
}

// keepNewest removes all but the newest manifests of an account. Their names sort by time.
func (c *cache) keepNewest(dir string) {
	c.sweep(format.KindManifest.Folder()+dir+"/", func(i int, _ string) bool { return i < cachedManifests })
}

// sweep removes objects of a folder, except those that keep reports, and files that a crash left.
func (c *cache) sweep(folder string, keep func(i int, name string) bool) {
	files, _ := os.ReadDir(c.folder(folder))
	n := 0
	for _, file := range files {
		if strings.HasPrefix(file.Name(), strings.TrimSuffix(temporaryObject, "*")) {
			if info, err := file.Info(); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
				_ = os.Remove(filepath.Join(c.folder(folder), file.Name()))
			}
			continue
		}
		if name := folder + file.Name(); !keep(n, name) {
			_ = os.Remove(c.path(name))
		}
		n++
	}
}
