package restore

import (
	"context"
	"iter"

	"golang.org/x/sync/semaphore"

	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/repo"
)

// The frames of several batches are fetched together: many small packs, or a store that is far
// away, then cost one round trip for a group and not one for each batch. While the batches of one
// group are joined and written, the next groups are fetched.
const (
	// groupBytes bounds the decoded frames that are fetched together.
	groupBytes = 4 << 20

	// fetchedBytes bounds the decoded frames of all groups of a restore. It is less than what the
	// reader caches, because frames that a later group needs stay there too.
	fetchedBytes = 6 * groupBytes

	// groupsAhead is how many groups of a job are fetched while one is joined.
	groupsAhead = 5
)

// group is batches whose frames are fetched together.
type group struct {
	batches []*batch
	frames  []repo.Frame // those that no earlier group of the window has
	bytes   int64        // of these, decoded
}

// groups divides batches into groups.
func groups(batches []*batch) []*group {
	var list []*group
	var current *group
	known := make(map[repo.Frame]struct{})
	for _, b := range batches {
		var added []repo.Frame
		var bytes int64
		for frame := range b.frames {
			if _, is := known[frame]; !is {
				known[frame] = struct{}{}
				added = append(added, frame)
				bytes += int64(frame.Length)
			}
		}
		if current == nil || current.bytes+bytes > groupBytes {
			current = new(group)
			list = append(list, current)
		}
		current.batches = append(current.batches, b)
		current.frames = append(current.frames, added...)
		current.bytes += bytes
	}
	for _, g := range list {
		g.batches[len(g.batches)-1].ends = g
	}
	return list
}

// weight is how much of fetchedBytes the group takes.
func (g *group) weight() int64 { return min(g.bytes, fetchedBytes) }

// withRoom yields groups, each when there is room for its frames. A group gets its room before
// those after it: otherwise these could hold all the room that it waits for, and give it back only
// after it was used.
func withRoom(ctx context.Context, room *semaphore.Weighted, groups []*group) iter.Seq2[*group, error] {
	return func(yield func(*group, error) bool) {
		for _, g := range groups {
			if room.Acquire(ctx, g.weight()) != nil {
				yield(nil, context.Cause(ctx))
				return
			}
			if !yield(g, nil) {
				return
			}
		}
	}
}

// fetch fetches the frames of a group. Errors appear when the frames are used.
func (j *job) fetch(ctx context.Context, g *group) (*group, error) {
	if !j.ended.Load() {
		j.restorer.Contents.Prefetch(ctx, g.frames)
	}
	return g, nil
}

// used drops the frames that are no longer needed after a batch was read, and holds those of their
// chunks that are.
func (r *restorer) used(ctx context.Context, b *batch) {
	b.held.release(b.releases)
	b.held.hold(ctx, b.holds)
	r.Contents.Drop(b.last)
	if b.ends != nil {
		r.fetched.Release(b.ends.weight())
	}
}

// fetchAll plans one window after the other and fetches its batches.
func (j *job) fetchAll(ctx context.Context, fetched chan<- *batch) error {
	messages, bytes := j.batchLimits()
	for window, err := range j.windows(ctx) {
		if err != nil || j.ended.Load() {
			return err
		}
		if err := j.plan(ctx, window); err != nil {
			return err
		}
		list := withRoom(ctx, j.restorer.fetched, groups(batches(window, messages, bytes)))
		for g, err := range inorder.Map(ctx, groupsAhead, list, j.fetch) {
			if err != nil {
				return err
			}
			for _, b := range g.batches {
				b.frames = nil
				if err := j.restorer.memory.Acquire(ctx, b.room()); err != nil {
					return context.Cause(ctx)
				}
				if err := send(ctx, fetched, b); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
