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
)

// A file of the cache is named for what it holds: the form, the kind and the hash of a pack, and a
// range of its stored bytes, or of the bytes of the file.
//
//	c4f0b…e1-0-65536        the first 64 KiB of a catalog pack
//	d4f0b…e1-0-65536        of a pack of mail
//	h4f0b…e1-70000-74096    an excerpt of the frame of that pack at 70,000, with 4,096 bytes
//	s4f0b…e1-0-9000         a small catalog pack whole, under the key of this host, in 9,000 bytes
//	t4f0b…e1-0-9000         a small pack of mail likewise
//
// So reading the directory says everything but when a file was last used, which is its time of
// modification.
func fileName(of owner, s span) string {
	letter := letters[of.form][0]
	if of.Catalog {
		letter = letters[of.form][1]
	}
	return fmt.Sprintf("%c%x-%d-%d", letter, of.Hash, s.from, s.to)
}

// letters begin the names of files: for each form, that of a pack of mail and that of a catalog
// pack. Only packs of mail have excerpts.
var letters = [...]string{formPart: "dc", formExcerpt: "hh", formContainer: "ts"}

// parseFileName inverts fileName.
func parseFileName(name string) (of owner, s span, ok bool) {
	fields := strings.Split(name, "-")
	if len(fields) != 3 || len(fields[0]) != 1+2*len(of.Hash) {
		return of, s, false
	}
	_, err := hex.Decode(of.Hash[:], []byte(fields[0][1:]))
	from, errFrom := strconv.ParseInt(fields[1], 10, 64)
	to, errTo := strconv.ParseInt(fields[2], 10, 64)
	for i, pair := range letters {
		if at := strings.IndexByte(pair, name[0]); at >= 0 {
			of.form, of.Catalog = form(i), at == 1
		}
	}
	s = span{from, to}
	ok = cmp.Or(err, errFrom, errTo) == nil && from >= 0 && from < to && fileName(of, s) == name
	return of, s, ok
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
	c.known, c.size, c.added = map[owner][]span{}, 0, 0
	entries, _ := os.ReadDir(c.dir)
	for _, entry := range entries {
		if of, s, ok := parseFileName(entry.Name()); ok {
			c.known[of] = append(c.known[of], s)
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

// evict reads the directory again. If its files take more than the limit, it removes those that
// were not used for longest, until they take an eighth less. The caller holds mu.
func (c *Cache) evict() {
	c.known = nil
	c.read()
	if c.size <= c.limit {
		return
	}
	type used struct {
		of   owner
		file span
		at   time.Time
	}
	var all []used
	for of, files := range c.known {
		for _, file := range files {
			if info, err := os.Stat(c.path(of, file)); err == nil {
				all = append(all, used{of, file, info.ModTime()})
			}
		}
	}
	slices.SortFunc(all, func(a, b used) int { return a.at.Compare(b.at) })
	for _, u := range all {
		if c.size <= c.limit-c.limit/8 {
			return
		}
		if os.Remove(c.path(u.of, u.file)) == nil || !exists(c.path(u.of, u.file)) {
			c.known[u.of] = slices.DeleteFunc(c.known[u.of], func(s span) bool { return s == u.file })
			c.size -= u.file.to - u.file.from
		}
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
