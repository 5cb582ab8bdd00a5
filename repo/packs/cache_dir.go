package packs

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
)

// A file of the cache is named for what it holds: the kind and the hash of a pack, and the range of its stored bytes.
//
//	c4f0b…e1-0-65536        the first 64 KiB of a catalog pack
//	d4f0b…e1-0-65536        of a pack of mail
//
// So reading the directory says everything but when a file was last used, which is its time of modification.
func fileName(p format.Pack, s span) string {
	kind := "d"
	if p.Catalog {
		kind = "c"
	}
	return fmt.Sprintf("%s%x-%d-%d", kind, p.Hash, s.from, s.to)
}

// parseFileName inverts fileName.
func parseFileName(name string) (p format.Pack, s span, ok bool) {
	fields := strings.Split(name, "-")
	if len(fields) != 3 || len(fields[0]) != 1+2*len(p.Hash) {
		return p, s, false
	}
	_, err := hex.Decode(p.Hash[:], []byte(fields[0][1:]))
	from, errFrom := strconv.ParseInt(fields[1], 10, 64)
	to, errTo := strconv.ParseInt(fields[2], 10, 64)
	p.Catalog, s = name[0] == 'c', span{from, to}
	ok = cmp.Or(err, errFrom, errTo) == nil && from >= 0 && from < to && fileName(p, s) == name
	return p, s, ok
}

const (
	temporary      = ".new-*"
	temporaryStart = ".new-"
)

// read reads the directory, unless that was done. The caller holds mu.
func (c *Cache) read() {
	if c.known != nil {
		return
	}
	c.known, c.size, c.added = map[format.Pack][]span{}, 0, 0
	entries, _ := os.ReadDir(c.dir)
	for _, entry := range entries {
		if p, s, ok := parseFileName(entry.Name()); ok {
			c.known[p] = append(c.known[p], s)
			c.size += s.to - s.from
		} else {
			c.removeOld(entry)
		}
	}
}

// removeOld removes a file that a crash left. No run lasts a day.
func (c *Cache) removeOld(entry fs.DirEntry) {
	info, err := entry.Info()
	if err == nil && strings.HasPrefix(entry.Name(), temporaryStart) && time.Since(info.ModTime()) > 24*time.Hour {
		_ = os.Remove(filepath.Join(c.dir, entry.Name()))
	}
}

// evict reads the directory again. If its files take more than the limit, it removes those that were not used for longest,
// until they take an eighth less. The caller holds mu.
func (c *Cache) evict() {
	c.known = nil
	c.read()
	if c.size <= c.limit {
		return
	}
	type used struct {
		pack format.Pack
		file span
		at   time.Time
	}
	var all []used
	for p, files := range c.known {
		for _, file := range files {
			if info, err := os.Stat(c.path(p, file)); err == nil {
				all = append(all, used{p, file, info.ModTime()})
			}
		}
	}
	slices.SortFunc(all, func(a, b used) int { return a.at.Compare(b.at) })
	for _, u := range all {
		if c.size <= c.limit-c.limit/8 {
			return
		}
		if os.Remove(c.path(u.pack, u.file)) == nil || !exists(c.path(u.pack, u.file)) {
			c.known[u.pack] = slices.DeleteFunc(c.known[u.pack], func(s span) bool { return s == u.file })
			c.size -= u.file.to - u.file.from
		}
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
