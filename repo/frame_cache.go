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

	mu      sync.Mutex
	size    int64
	pending int64 // length of the frames that are being fetched
	frames  map[format.Frame]*cachedFrame
	recent  *list.List // of *cachedFrame, the last used first
}

type cachedFrame struct {
	frame   format.Frame
	content []byte
	err     error
	done    chan struct{} // closed when the frame was fetched or given up
	givenUp bool          // nobody fetches it any more: who waits for it must do so
	element *list.Element // nil until it is fetched
}

func newFrameCache(limit int64) *frameCache {
	return &frameCache{limit: limit, frames: map[format.Frame]*cachedFrame{}, recent: list.New()}
}

// claim returns how many of the frames the cache can hold beside those that are being fetched, and
// of these the ones that the caller must fetch: neither does the cache have them, nor does anybody
// else fetch them. The caller settles or gives up each.
func (c *frameCache) claim(frames []format.Frame) (n int, claimed []*cachedFrame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	room := c.limit - c.pending
	counted := map[format.Frame]bool{}
	for _, f := range frames {
		if !counted[f] {
			if room -= int64(f.Length); room < 0 {
				break
			}
			counted[f] = true
			if cached := c.frames[f]; cached == nil {
				claimed = append(claimed, c.add(f))
			} else if cached.element != nil {
				c.recent.MoveToFront(cached.element)
			}
		}
		n++
	}
	return n, claimed
}

// add adds a frame that the caller fetches. The caller holds mu.
func (c *frameCache) add(f format.Frame) *cachedFrame {
	cached := &cachedFrame{frame: f, done: make(chan struct{})}
	c.frames[f] = cached
	c.pending += int64(f.Length)
	return cached
}

// get returns the content of a frame, or with an error the part before the damage. Concurrent calls
// for a frame fetch it once.
func (c *frameCache) get(ctx context.Context, f format.Frame, fetch func() ([]byte, error)) ([]byte, error) {
	for {
		c.mu.Lock()
		cached, ok := c.frames[f]
		if !ok {
			cached = c.add(f)
			c.mu.Unlock()
			content, err := fetch()
			c.settle(cached, content, err)
			return content, err
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
		calledOff := cached.givenUp || errors.Is(cached.err, context.Canceled) ||
			errors.Is(cached.err, context.DeadlineExceeded)
		if !calledOff {
			return cached.content, cached.err
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
}

// settle adds the content of a frame that was claimed, or with an error the part before the damage,
// which is not kept.
func (c *frameCache) settle(cached *cachedFrame, content []byte, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(cached.done)
	c.pending -= int64(cached.frame.Length)
	cached.content, cached.err = content, err
	if err != nil {
		delete(c.frames, cached.frame)
		return
	}
	cached.element = c.recent.PushFront(cached)
	c.size += int64(len(content))
	for c.size > c.limit && c.recent.Len() > 1 {
		c.remove(c.recent.Back().Value.(*cachedFrame))
	}
}

// giveUp releases a frame that was claimed and not fetched.
func (c *frameCache) giveUp(cached *cachedFrame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.frames, cached.frame)
	c.pending -= int64(cached.frame.Length)
	cached.givenUp = true
	close(cached.done)
}

// drop removes frames, except those that are being fetched.
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
