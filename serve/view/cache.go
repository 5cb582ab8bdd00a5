package view

import (
	"slices"
	"sync"
	"weak"
)

// listCache has the lists that sessions use, and some that they used last.
type listCache struct {
	mu     sync.Mutex
	all    map[string]*cachedList
	recent []*List // the newest last
}

// cachedList is a list that may be gone.
type cachedList struct {
	loading sync.Mutex // held while it is loaded, so that sessions that need it at once load it once
	list    weak.Pointer[List]
}

// recentMessages is how many messages the lists have that stay in memory though no session uses
// them: some 16 MiB.
const recentMessages = 1 << 19

// get returns a list, and calls load if it is not in memory.
func (c *listCache) get(key string, load func() (*List, error)) (*List, error) {
	c.mu.Lock()
	if c.all == nil {
		c.all = make(map[string]*cachedList)
	}
	entry := c.all[key]
	if entry == nil {
		entry = new(cachedList)
		c.all[key] = entry
	}
	c.mu.Unlock()
	entry.loading.Lock()
	defer entry.loading.Unlock()
	list := entry.list.Value()
	if list == nil {
		var err error
		if list, err = load(); err != nil {
			return nil, err
		}
		entry.list = weak.Make(list)
	}
	c.keep(list)
	return list, nil
}

// keep keeps a list in memory, and forgets keys of lists that are gone.
func (c *listCache) keep(list *List) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := []*List{list}
	room := recentMessages - list.Len()
	for _, other := range slices.Backward(c.recent) {
		if other != list && room > 0 {
			kept = append(kept, other)
			room -= other.Len() + 1
		}
	}
	slices.Reverse(kept)
	c.recent = kept
	c.sweep()
}

// sweep forgets keys of lists that are gone, once there are many keys.
func (c *listCache) sweep() {
	if len(c.all) < 4096 {
		return
	}
	for key, entry := range c.all {
		if entry.loading.TryLock() {
			if entry.list.Value() == nil {
				delete(c.all, key)
			}
			entry.loading.Unlock()
		}
	}
}
