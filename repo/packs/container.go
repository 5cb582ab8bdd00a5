package packs

import (
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/localseal"
)

// The container of a small pack is kept under the key of this host, not as the store has it. It was
// checked against the name of the pack when it was fetched, so to read it again takes neither the
// identity nor the hash.

// container returns the container of a small pack.
func (c *Cache) container(p format.Pack, k *localseal.Key) ([]byte, bool) {
	of := owner{p, formContainer}
	file, found := c.find(of, anySpan)
	if !found {
		return nil, false
	}
	sealed, _ := c.readFile(of, file, file)
	content, ok := k.Open(p.String(), sealed)
	if !ok {
		c.drop(p)
	}
	return content, ok
}

// keepContainer keeps the container of a small pack, if it can.
func (c *Cache) keepContainer(p format.Pack, content []byte, k *localseal.Key) {
	if c != nil {
		c.keepFile(owner{p, formContainer}, 0, k.Seal(p.String(), content))
	}
}

// holdsWhole reports whether files have a small pack.
func (c *Cache) holdsWhole(rg Range) bool {
	_, found := c.find(owner{rg.Pack, formContainer}, anySpan)
	return found || c.holds(rg.Pack, span{0, rg.Size})
}

func anySpan(span) bool { return true }
