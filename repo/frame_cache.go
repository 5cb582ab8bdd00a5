package repo

import (
	"container/list"
	"context"
	"errors"
	"sync"

	"github.com/mailstrata/mailstrata/repo/format"
)

// frameCache keeps the decoded frames that were used last, up to a number of bytes.
type frameCache struct {
	limit int64

	mu     sync.Mutex
	size   int64
	frames map[format.Frame]*cachedFrame
	recent *list.List // of *cachedFrame, the last used first
}

type cachedFrame struct {
	frame   format.Frame
	content []byte
	err     error
	done    chan struct{} // closed when content or err is set
	element *list.Element
}

func newFrameCache(limit int64) *frameCache {
	return &frameCache{limit: limit, frames: map[format.Frame]*cachedFrame{}, recent: list.New()}
}

func (c *frameCache) holds(f format.Frame) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.frames[f] != nil
}

// get returns the content of a frame, or with an error the part before the damage. Concurrent calls for a frame fetch it
// once.
func (c *frameCache) get(ctx context.Context, f format.Frame, fetch func() ([]byte, error)) ([]byte, error) {
	for {
		c.mu.Lock()
		cached, ok := c.frames[f]
		if !ok {
			cached = &cachedFrame{frame: f, done: make(chan struct{})}
			c.frames[f] = cached
			c.mu.Unlock()
			return c.fill(cached, fetch)
		}
		if cached.element != nil {
			c.recent.MoveToFront(cached.element)
		}
		c.mu.Unlock()
		select {
		case <-cached.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		// The call that fetched it may have been canceled; this one is not.
		calledOff := errors.Is(cached.err, context.Canceled) || errors.Is(cached.err, context.DeadlineExceeded)
		if !calledOff || ctx.Err() != nil {
			return cached.content, cached.err
		}
	}
}

func (c *frameCache) fill(cached *cachedFrame, fetch func() ([]byte, error)) ([]byte, error) {
	cached.content, cached.err = fetch()
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(cached.done)
	if cached.err != nil {
		delete(c.frames, cached.frame)
		return cached.content, cached.err
	}
	cached.element = c.recent.PushFront(cached)
	c.size += int64(len(cached.content))
	for c.size > c.limit && c.recent.Len() > 1 {
		c.remove(c.recent.Back().Value.(*cachedFrame))
	}
	return cached.content, nil
}

// drop removes the oldest frames, except those that are being fetched.
func (c *frameCache) drop(frames []format.Frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range frames {
		if cached := c.frames[f]; cached != nil && cached.element != nil {
			c.remove(cached)
		}
	}
}

func (c *frameCache) remove(cached *cachedFrame) {
	c.recent.Remove(cached.element)
	delete(c.frames, cached.frame)
	c.size -= int64(len(cached.content))
}
