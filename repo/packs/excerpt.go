package packs

import (
	"os"
	"slices"

	"github.com/mailstrata/mailstrata/repo/format"
)

// An excerpt is what a caller needs of a frame again and again, as it wants to keep it: sealed. A
// frame has one excerpt.

// Excerpt returns the excerpt of a frame. It may be damaged.
func (c *Cache) Excerpt(f format.Frame) ([]byte, bool) {
	of := owner{f.Pack, formExcerpt}
	file, found := c.find(of, func(s span) bool { return s.from == int64(f.Offset) })
	if !found {
		return nil, false
	}
	return c.readFile(of, file, file)
}

// KeepExcerpt keeps the excerpt of a frame in place of the one before, if it can.
func (c *Cache) KeepExcerpt(f format.Frame, sealed []byte) {
	if c == nil || len(sealed) == 0 {
		return
	}
	c.dropExcerpt(f)
	c.keepFile(owner{f.Pack, formExcerpt}, int64(f.Offset), sealed)
}

// dropExcerpt removes the excerpt of a frame.
func (c *Cache) dropExcerpt(f format.Frame) {
	of := owner{f.Pack, formExcerpt}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read()
	c.known[of] = slices.DeleteFunc(c.known[of], func(file span) bool {
		if file.from != int64(f.Offset) {
			return false
		}
		_ = os.Remove(c.path(of, file))
		c.size -= file.to - file.from
		return true
	})
}
