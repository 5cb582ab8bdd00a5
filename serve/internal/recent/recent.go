// Package recent keeps the values that were used last: somebody who looks at something asks for it
// again with each page, or with each part of a message.
package recent

import (
	"slices"
	"sync"
)

// Cache keeps the last values that were put into it. The zero value is empty. Several goroutines
// may use it.
type Cache[K comparable, V any] struct {
	mu   sync.Mutex
	kept []entry[K, V] // the newest last
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

// Get returns the value of a key, or the zero value if it is not kept.
func (c *Cache[K, V]) Get(key K) (value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at := slices.IndexFunc(c.kept, func(e entry[K, V]) bool { return e.key == key }); at >= 0 {
		value = c.kept[at].value
	}
	return value
}

// Put keeps a value, and at most the n values that were put last.
func (c *Cache[K, V]) Put(key K, value V, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = append(c.kept, entry[K, V]{key, value})
	c.kept = slices.Delete(c.kept, 0, max(len(c.kept)-n, 0))
}
