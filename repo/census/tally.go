package census

import (
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
)

// places are the entries of one chunk.
type places struct {
	n       int64 // of the first entry
	prefix  chunk.Prefix
	entries []format.Entry
	reached bool
	erased  bool
}

// each yields every chunk with all its places.
func (c *Census) each(yield func(*places) error) error {
	var at places
	n := int64(0)
	for e, err := range c.file.All() {
		if err != nil {
			return err
		}
		if len(at.entries) > 0 && e.Prefix != at.prefix {
			if err := yield(&at); err != nil {
				return err
			}
			at.entries = at.entries[:0]
		}
		if len(at.entries) == 0 {
			at.prefix, at.reached = e.Prefix, c.reached[n/64]&(1<<(n%64)) != 0
			at.erased = c.erased != nil && !at.reached && c.erased[n/64]&(1<<(n%64)) != 0
		}
		at.entries = append(at.entries, e)
		n++
	}
	if len(at.entries) == 0 {
		return nil
	}
	return yield(&at)
}

// find returns the places of one chunk.
func (c *Census) find(p chunk.Prefix) (*places, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := &places{prefix: p}
	err := c.file.Seek(p, c.buf, func(n int64, e format.Entry) bool {
		if len(at.entries) == 0 {
			at.n, at.reached = n, c.reached[n/64]&(1<<(n%64)) != 0
		}
		at.entries = append(at.entries, e)
		return true
	})
	return at, err
}

func (c *Census) pack(e format.Entry) *Pack { return c.packs[c.file.PackOf(e)] }

// keptIn returns the pack in which a chunk is kept: the largest of those that count, because small
// packs are rewritten sooner. Every prune on every host chooses the same. It returns nil if no pack
// counts.
func (c *Census) keptIn(at *places) (best *Pack) {
	for _, e := range at.entries {
		if s := c.pack(e); s.Counts() && (best == nil || s.over(best)) {
			best = s
		}
	}
	return best
}

// Tally adds up the chunks of each pack, and returns the number of needed chunks that no pack
// holds.
func (c *Census) Tally() (lost int64, err error) {
	err = c.each(func(at *places) error {
		keeper, listed := c.keptIn(at), 0
		for i, e := range at.entries {
			s := c.pack(e)
			s.entries++
			if i > 0 && c.pack(at.entries[i-1]) == s {
				continue // the pack holds the chunk twice
			}
			s.total += int64(e.Length)
			if at.erased {
				s.erased += int64(e.Length)
			}
			if s.Listed || s.Newer {
				listed++
			}
			if s == keeper && at.reached {
				s.kept += int64(e.Length)
			}
		}
		if !at.reached || keeper != nil {
			return nil
		}
		if listed == 0 {
			lost++
		}
		for _, e := range at.entries {
			if s := c.pack(e); s.Listed {
				s.needed += int64(e.Length)
			}
		}
		return nil
	})
	return lost, err
}
