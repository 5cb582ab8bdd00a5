package packs

import (
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
)

// Cache keeps parts of packs in a directory of this host, as they are stored, and small sealed
// packs under a key of this host. Each is a file, and the files that were not used for longest are
// removed when they take more than a limit.
//
// What a cache returns may be damaged: a crash leaves files half-written, and a disk changes bytes.
// The Reader finds that out, because it checks what it reads, and drops the files. What cannot be
// kept is not kept, and no error. Several processes may use a directory: each knows the files that
// it found and those that it made.
type Cache struct {
	dir   string
	limit int64

	mu    sync.Mutex
	known map[owner][]span // files; nil until the directory was read
	size  int64            // bytes of them
	added int64            // bytes that this process added since it read the directory
	off   bool             // nothing can be written
}

// OpenCache returns the cache in a directory, with files of up to limit bytes in all. It makes the
// directory when it is needed. A limit of 0 or less keeps nothing: then OpenCache returns nil,
// which is a cache that holds nothing.
func OpenCache(dir string, limit int64) *Cache {
	if limit <= 0 {
		return nil
	}
	return &Cache{dir: dir, limit: limit}
}

// owner is what files belong to: a pack, in one of the forms in which it is kept.
type owner struct {
	format.Pack
	form form
}

// form is what a file has of a pack.
type form byte

const (
	formPart      form = iota // stored bytes
	formExcerpt               // the excerpt of a frame (excerpt.go)
	formContainer             // the container of a small pack (container.go)
)

// usedWithin is how exactly the last use of a file is recorded.
const usedWithin = time.Hour

// part returns a part of a pack, if a file has it. It may be damaged.
func (c *Cache) part(p format.Pack, wanted span) ([]byte, bool) {
	of := owner{Pack: p}
	file, found := c.find(of, func(s span) bool { return s.from <= wanted.from && wanted.to <= s.to })
	if !found {
		return nil, false
	}
	return c.readFile(of, file, wanted)
}

// readFile returns a part of what a file holds.
func (c *Cache) readFile(of owner, file, wanted span) ([]byte, bool) {
	f, err := os.Open(c.path(of, file))
	if err != nil {
		c.forget(of, file)
		return nil, false
	}
	defer f.Close()
	info, err := f.Stat()
	part := make([]byte, wanted.to-wanted.from)
	if err == nil && info.Size() == file.to-file.from {
		if _, err = f.ReadAt(part, wanted.from-file.from); err == nil {
			if now := time.Now(); now.Sub(info.ModTime()) > usedWithin {
				_ = os.Chtimes(f.Name(), now, now)
			}
			return part, true
		}
	}
	_ = os.Remove(f.Name())
	c.forget(of, file)
	return nil, false
}

// find returns a file that fits.
func (c *Cache) find(of owner, fits func(span) bool) (file span, found bool) {
	if c == nil {
		return span{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read()
	files := c.known[of]
	i := slices.IndexFunc(files, fits)
	if i < 0 {
		return span{}, false
	}
	return files[i], true
}

// holds reports whether a file has a part.
func (c *Cache) holds(p format.Pack, wanted span) bool {
	_, found := c.find(owner{Pack: p}, func(s span) bool { return s.from <= wanted.from && wanted.to <= s.to })
	return found
}

// start returns how long the first part of a pack is that a file holds: the header of age and the
// nonce. It is 0 if none does.
func (c *Cache) start(p format.Pack) int64 {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read()
	for _, s := range c.known[owner{Pack: p}] {
		if s.from == 0 {
			return s.to
		}
	}
	return 0
}

// keep keeps a part of a pack, if it can.
func (c *Cache) keep(p format.Pack, at int64, part []byte) {
	if c != nil && len(part) > 0 && !c.holds(p, span{at, at + int64(len(part))}) {
		c.keepFile(owner{Pack: p}, at, part)
	}
}

// keepFile makes a file, if it can.
func (c *Cache) keepFile(of owner, at int64, part []byte) {
	file := span{at, at + int64(len(part))}
	if int64(len(part)) > c.limit/8 || !c.writable() || !c.write(c.path(of, file), part) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known[of] = append(c.known[of], file)
	c.size += file.to - file.from
	c.added += file.to - file.from
	// What other processes add at the same time is counted when the directory is read again.
	if c.size > c.limit || c.added > c.limit/16 {
		c.evict()
	}
}

func (c *Cache) writable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.off
}

// write writes a file under a temporary name and renames it. If that fails, for example because the
// disk is full, nothing more is written.
func (c *Cache) write(path string, part []byte) bool {
	f, err := os.CreateTemp(c.dir, temporary)
	if os.IsNotExist(err) && os.MkdirAll(c.dir, 0o700) == nil {
		f, err = os.CreateTemp(c.dir, temporary)
	}
	if err == nil {
		_, err = f.Write(part)
		if failed := f.Close(); err == nil {
			err = failed
		}
		if err == nil {
			err = os.Rename(f.Name(), path)
		}
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}
	if err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.off = true
	}
	return err == nil
}

// drop removes what the cache has of a pack. It reports whether there was something.
func (c *Cache) drop(p format.Pack) bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dropLocked(p)
}

// dropLocked is drop for a caller that holds mu.
func (c *Cache) dropLocked(p format.Pack) (had bool) {
	for _, of := range []owner{{p, formPart}, {p, formExcerpt}, {p, formContainer}} {
		for _, file := range c.known[of] {
			_ = os.Remove(c.path(of, file))
			c.size -= file.to - file.from
			had = true
		}
		delete(c.known, of)
	}
	return had
}

// forget forgets a file that is gone.
func (c *Cache) forget(of owner, file span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.known[of], file); i >= 0 {
		c.known[of] = slices.Delete(c.known[of], i, i+1)
		c.size -= file.to - file.from
	}
}

// KeepOnly removes what the cache has of other packs, which the repository no longer has.
func (c *Cache) KeepOnly(packs map[format.Pack]bool) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read()
	for of := range c.known {
		if !packs[of.Pack] {
			c.dropLocked(of.Pack)
		}
	}
}

// Clear removes everything.
func (c *Cache) Clear() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = os.RemoveAll(c.dir)
	c.known, c.size, c.added = nil, 0, 0
}

func (c *Cache) path(of owner, file span) string { return filepath.Join(c.dir, fileName(of, file)) }
