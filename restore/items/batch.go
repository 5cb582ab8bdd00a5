package items

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/manifest"
)

const (
	batchItems   = 64       // how many items are compared at once
	batchBytes   = 16 << 20 // how many bytes of them, or one larger item
	glanceBytes  = 64 << 10 // up to which size an archived item is compared by a glance
	writingBytes = 64 << 20 // how many bytes of items are written at once; a larger item is alone
)

// Glancer is a target that gives the contents of many items in one answer, but perhaps with other
// line ends. It may leave out some.
type Glancer interface {
	Glance(ctx context.Context, c collection.Collection, items []collection.Listed) (map[string][]byte, error)
}

// writes are the requests to a target that change it. Several are under way at once.
type writes struct {
	group  *errgroup.Group // nil: one goroutine uses the target
	memory *semaphore.Weighted
}

func newWrites(target collection.Target) *writes {
	w := &writes{memory: semaphore.NewWeighted(writingBytes)}
	if n := target.WritesAtOnce(); n > 1 {
		w.group = new(errgroup.Group)
		w.group.SetLimit(n)
	}
	return w
}

// start calls write when there is room for it and for the bytes that it holds. wait returns its
// error.
func (w *writes) start(ctx context.Context, bytes int, write func() error) error {
	if w.group == nil {
		return write()
	}
	size := min(int64(bytes), writingBytes)
	if err := w.memory.Acquire(ctx, size); err != nil {
		return context.Cause(ctx)
	}
	w.group.Go(func() error {
		defer w.memory.Release(size)
		return write()
	})
	return nil
}

func (w *writes) wait() error {
	if w.group == nil {
		return nil
	}
	return w.group.Wait()
}

// batches yields the items in parts.
func batches(items []manifest.Item) iter.Seq[[]manifest.Item] {
	return func(yield func([]manifest.Item) bool) {
		for len(items) > 0 {
			n, size := 1, items[0].Size
			for n < min(len(items), batchItems) && size+items[n].Size <= batchBytes {
				size += items[n].Size
				n++
			}
			if !yield(items[:n]) {
				return
			}
			items = items[n:]
		}
	}
}

// batch restores some items. It compares them with those that the target has.
func (t *toServer) batch(ctx context.Context, items []manifest.Item) error {
	archived := make(map[string][]byte) // of the items of which the target has the name
	for i := range items {
		it := &items[i]
		if _, held := t.held[it.Name]; !held {
			continue
		}
		content, ok, err := t.content(ctx, t.source, t.from, it)
		if err != nil {
			return err
		}
		if ok {
			archived[it.Name] = content
		}
	}
	same, err := t.glance(ctx, items, archived)
	if err != nil {
		return err
	}
	found, err := t.read(ctx, items, archived, same)
	if err != nil {
		return err
	}
	for i := range items {
		it := &items[i]
		content, held := archived[it.Name]
		there, read := found[it.Name]
		switch _, listed := t.held[it.Name]; {
		case same[it.Name]:
			t.event(it.Name, Present, nil)
		case !listed:
			err = t.add(ctx, it)
		case held && read:
			err = t.compared(ctx, it, content, &there)
		} // others have an event
		if err != nil {
			return err
		}
	}
	return nil
}

// glance says which items are the same at the target, as far as it answers about many at once.
func (t *toServer) glance(
	ctx context.Context, items []manifest.Item, archived map[string][]byte,
) (map[string]bool, error) {
	from, can := t.target.(Glancer)
	var ask []collection.Listed
	for i := range items {
		if content, ok := archived[items[i].Name]; ok && len(content) <= glanceBytes {
			ask = append(ask, t.held[items[i].Name])
		}
	}
	if !can || len(ask) < 2 || t.noGlance {
		return nil, nil
	}
	seen, err := from.Glance(ctx, t.to, ask)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		t.noGlance = true // they are read one by one
	}
	same := make(map[string]bool)
	for name, content := range seen {
		same[name] = Equivalent(collection.Kind(t.source.Kind), archived[name], content)
	}
	return same, nil
}

// read reads the items of the target that are not known to be the same. Those that it does not find
// are no longer held.
func (t *toServer) read(
	ctx context.Context, items []manifest.Item, archived map[string][]byte, same map[string]bool,
) (map[string]collection.Item, error) {
	var ask []collection.Listed
	for i := range items {
		name := items[i].Name
		if _, ok := archived[name]; ok && !same[name] {
			ask = append(ask, t.held[name])
		}
	}
	found := make(map[string]collection.Item)
	if len(ask) == 0 {
		return found, nil
	}
	return found, t.target.Read(ctx, t.to, ask, func(item collection.Item, err error) error {
		switch {
		case err == nil:
			found[item.Name] = item
		case errors.Is(err, collection.ErrGone):
			delete(t.held, item.Name)
		default:
			t.event(item.Name, Failed, fmt.Errorf("compare with what the target has: %w", err))
		}
		return nil
	})
}

// add restores an item that the target does not have.
func (t *toServer) add(ctx context.Context, it *manifest.Item) error {
	content, ok, err := t.content(ctx, t.source, t.from, it)
	if err != nil || !ok {
		return err
	}
	return t.put(ctx, it.Name, content, nil)
}

// compared restores an item that the target has.
func (t *toServer) compared(ctx context.Context, it *manifest.Item, content []byte, there *collection.Item) error {
	switch {
	case Equivalent(collection.Kind(t.source.Kind), content, there.Content):
		t.event(it.Name, Present, nil)
		return nil
	case !t.Overwrite:
		t.event(it.Name, Differing, nil)
		return nil
	}
	return t.put(ctx, it.Name, content, &there.Listed)
}

// put begins to store an item in the place of old, which may be nil.
func (t *toServer) put(ctx context.Context, name string, content []byte, old *collection.Listed) error {
	made := Added
	if old != nil {
		made = Replaced
	}
	if t.DryRun {
		t.event(name, made, nil)
		return nil
	}
	return t.writes.start(ctx, len(content), func() error {
		err := t.target.Put(ctx, t.to, collection.Item{Listed: collection.Listed{Name: name}, Content: content}, old)
		switch {
		case err == nil:
			t.event(name, made, nil)
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, collection.ErrExists):
			t.event(name, Differing, err)
		default:
			t.event(name, Failed, err)
		}
		return nil
	})
}
