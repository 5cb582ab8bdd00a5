package repo

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/zeebo/blake3"
)

// cache is a directory for what can be had again. Nothing in it is believed unchecked, and nothing that goes wrong
// with it stops anything: what is missing is fetched.
type cache struct {
	dir       string
	temporary bool
}

// openCache makes the directory of a repository under dir. Where that cannot be had, a temporary one does.
func openCache(dir string, repository [16]byte) (*cache, error) {
	if dir != "" {
		c := &cache{dir: filepath.Join(dir, hex.EncodeToString(repository[:]))}
		if c.make() == nil {
			return c, nil
		}
	}
	temporary, err := os.MkdirTemp("", "mailstrata-")
	if err != nil {
		return nil, fmt.Errorf("make a temporary directory: %w", err)
	}
	c := &cache{dir: temporary, temporary: true}
	if err := c.make(); err != nil {
		c.close()
		return nil, fmt.Errorf("make a temporary directory: %w", err)
	}
	return c, nil
}

func (c *cache) make() error {
	for _, dir := range []string{c.objects(), c.indexes(), c.spools()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	f, err := os.CreateTemp(c.spools(), "try-*") // a directory that is there may still be read-only
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(f.Name())
}

func (c *cache) close() error {
	if c == nil || !c.temporary {
		return nil
	}
	return os.RemoveAll(c.dir)
}

func (c *cache) objects() string { return filepath.Join(c.dir, "objects") }
func (c *cache) indexes() string { return filepath.Join(c.dir, "index") }
func (c *cache) spools() string  { return filepath.Join(c.dir, "spool") }
func (c *cache) spills() string  { return filepath.Join(c.dir, "spill") }

// keepsCached: objects that a run reads each time and that are small.
func keepsCached(k Kind) bool {
	return k == KindManifest || k == KindMark || k == KindCondemnation || k == KindNote || k == KindRenewal
}

// path of a cached object. Sealed objects stay sealed here.
func (c *cache) path(name string) string {
	return filepath.Join(c.objects(), strings.ReplaceAll(name, "/", "_"))
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
	hash, ok := objectHash(name)
	if !ok || blake3.Sum256(stored) != hash {
		_ = os.Remove(c.path(name))
		return nil, false
	}
	return stored, true
}

// keepObject keeps an object's stored bytes, if that can be done. It need not last: what is read is checked.
func (c *cache) keepObject(name string, stored []byte) {
	if c == nil || len(stored) > 1<<20 {
		return
	}
	f, err := os.CreateTemp(c.objects(), temporaryObject)
	if err != nil {
		return
	}
	_, err = f.Write(stored)
	if f.Close() != nil || err != nil || os.Rename(f.Name(), c.path(name)) != nil {
		_ = os.Remove(f.Name())
	}
}

const temporaryObject = ".new-*"

// keptManifests is how many manifests of an account are kept: nobody reads older ones each night.
const keptManifests = 1000

// keepListed removes objects whose names begin with prefix and that the store has no more.
func (c *cache) keepListed(prefix string, listed map[string]bool) {
	c.sweep(prefix, func(_ int, name string) bool { return listed[name] })
}

// keepNewest removes all but the newest manifests of an account. Their names sort by time.
func (c *cache) keepNewest(dir string) {
	c.sweep(KindManifest.folder()+dir+"/", func(i int, _ string) bool { return i < keptManifests })
}

// sweep removes objects whose names begin with prefix, but for those that are to be kept, and what a crash left.
func (c *cache) sweep(prefix string, keep func(i int, name string) bool) {
	files, _ := os.ReadDir(c.objects())
	n := 0
	for _, file := range files {
		name := strings.ReplaceAll(file.Name(), "_", "/")
		switch {
		case strings.HasPrefix(name, prefix):
			if !keep(n, name) {
				_ = os.Remove(c.path(name))
			}
			n++
		case strings.HasPrefix(name, strings.TrimSuffix(temporaryObject, "*")):
			if info, err := file.Info(); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
				_ = os.Remove(filepath.Join(c.objects(), file.Name()))
			}
		}
	}
}
