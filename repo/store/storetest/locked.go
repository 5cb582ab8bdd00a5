package storetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/repo/store"
)

// Locked is a store.Retainer in memory: a bucket with Object Lock, as AWS describes it. What As
// returns shares its state.
type Locked struct {
	Denied Rights

	*bucket
}

// Rights are rights that credentials may lack.
type Rights struct {
	Retain, List, Delete bool
}

type bucket struct {
	mu      sync.Mutex
	names   map[string][]*version // the newest first
	ahead   time.Duration
	count   int
	Retains int // calls of Retain
	Default time.Duration
}

type version struct {
	id     string
	data   []byte
	made   time.Time
	marker bool
	until  time.Time
}

// NewLocked returns an empty bucket with a default retention; 0: none.
func NewLocked(byDefault time.Duration) *Locked {
	return &Locked{bucket: &bucket{names: map[string][]*version{}, Default: byDefault}}
}

// As returns the bucket as credentials without some rights see it.
func (l *Locked) As(denied Rights) *Locked { return &Locked{denied, l.bucket} }

// Advance sets the store's clock forward.
func (l *Locked) Advance(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ahead += d
}

func (b *bucket) now() time.Time { return time.Now().Add(b.ahead) }

// HostTime returns the time of the simulated host, which has the store's clock.
func (l *Locked) HostTime() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now()
}

// Now implements store.Store.
func (l *Locked) Now(ctx context.Context) (time.Time, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now(), ctx.Err()
}

// Put implements store.Store.
func (l *Locked) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	return l.put(ctx, name, body, size, time.Time{})
}

// PutRetained implements store.Retainer.
func (l *Locked) PutRetained(
	ctx context.Context, name string, body io.ReaderAt, size int64, keep store.Retention,
) error {
	if l.Denied.Retain {
		return fmt.Errorf("put %s under retention: %w", name, store.ErrPermission)
	}
	return l.put(ctx, name, body, size, keep.Until)
}

func (l *Locked) put(ctx context.Context, name string, body io.ReaderAt, size int64, until time.Time) error {
	data := make([]byte, size)
	if _, err := io.ReadFull(io.NewSectionReader(body, 0, size), data); err != nil {
		return fmt.Errorf("put %s: %w", name, err)
	}
	l.mu.Lock()
	top := l.top(name)
	l.mu.Unlock()
	if top != nil && !top.marker {
		if bytes.Equal(top.data, data) {
			return nil
		}
		return fmt.Errorf("put %s: %w", name, store.ErrExist)
	}
	l.Overwrite(name, data, until)
	return ctx.Err()
}

// Overwrite puts a newer version.
func (l *Locked) Overwrite(name string, data []byte, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Default > 0 && until.IsZero() {
		until = l.now().Add(l.Default)
	}
	l.add(name, &version{data: data, until: until})
}

func (b *bucket) add(name string, v *version) {
	b.count++
	v.id, v.made = fmt.Sprint("v", b.count), b.now()
	b.names[name] = append([]*version{v}, b.names[name]...)
}

func (b *bucket) top(name string) *version {
	if len(b.names[name]) == 0 {
		return nil
	}
	return b.names[name][0]
}

// find returns a version by its ID, or the newest for "".
func (b *bucket) find(name, id string) *version {
	if id == "" {
		return b.top(name)
	}
	for _, v := range b.names[name] {
		if v.id == id {
			return v
		}
	}
	return nil
}

// Get implements store.Store.
func (l *Locked) Get(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.read(ctx, name, l.top(name), offset, length)
}

// GetVersion implements store.Versioned.
func (l *Locked) GetVersion(ctx context.Context, name, id string, offset, length int64) (io.ReadCloser, int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.read(ctx, name, l.find(name, id), offset, length)
}

func (b *bucket) read(
	ctx context.Context, name string, v *version, offset, length int64,
) (io.ReadCloser, int64, error) {
	if v == nil || v.marker {
		return nil, 0, fmt.Errorf("get %s: %w", name, store.ErrNotExist)
	}
	one := &Memory{objects: map[string]object{name: {data: v.data}}}
	return one.Get(ctx, name, offset, length)
}

// List implements store.Store.
func (l *Locked) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for _, v := range l.all(prefix) {
			if v.Latest && !v.Marker && !yield(v.Object, ctx.Err()) {
				return
			}
		}
	}
}

// Versions implements store.Versioned.
func (l *Locked) Versions(ctx context.Context, prefix string) iter.Seq2[store.Version, error] {
	return func(yield func(store.Version, error) bool) {
		if l.Denied.List {
			yield(store.Version{}, fmt.Errorf("list versions: %w", store.ErrPermission))
			return
		}
		for _, v := range l.all(prefix) {
			if !yield(v, ctx.Err()) {
				return
			}
		}
	}
}

func (b *bucket) all(prefix string) (all []store.Version) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(b.names)) {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		for i, v := range b.names[name] {
			o := store.Object{Name: name, Size: int64(len(v.data)), Time: v.made}
			all = append(all, store.Version{Object: o, ID: v.id, Latest: i == 0, Marker: v.marker})
		}
	}
	return all
}

// Delete implements store.Store. It puts a delete marker.
func (l *Locked) Delete(_ context.Context, name string) error {
	if l.Denied.Delete {
		return fmt.Errorf("delete %s: %w", name, store.ErrRetained)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(name, &version{marker: true})
	return nil
}

// DeleteVersion implements store.Versioned.
func (l *Locked) DeleteVersion(_ context.Context, name, id string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.find(name, id)
	if l.Denied.Delete || v != nil && v.until.After(l.now()) {
		return fmt.Errorf("delete %s: %w", name, store.ErrRetained)
	}
	l.names[name] = slices.DeleteFunc(l.names[name], func(w *version) bool { return w == v })
	if len(l.names[name]) == 0 {
		delete(l.names, name)
	}
	return nil
}

// Retain implements store.Retainer.
func (l *Locked) Retain(_ context.Context, name, id string, keep store.Retention) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Retains++
	v := l.find(name, id)
	switch {
	case v == nil:
		return fmt.Errorf("retain %s: %w", name, store.ErrNotExist)
	case l.Denied.Retain:
		return fmt.Errorf("retain %s: %w", name, store.ErrPermission)
	case keep.Until.After(v.until):
		v.until = keep.Until
	}
	return nil
}

// RetainedUntil implements store.Retainer.
func (l *Locked) RetainedUntil(_ context.Context, name, id string) (time.Time, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if v := l.find(name, id); v != nil {
		return v.until, nil
	}
	return time.Time{}, fmt.Errorf("%s: %w", name, store.ErrNotExist)
}

// RetainsByDefault implements store.Retainer.
func (l *Locked) RetainsByDefault(_ context.Context, _ bool, days int) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Denied.Retain {
		return false, fmt.Errorf("look at the default retention: %w", store.ErrPermission)
	}
	return l.Default >= time.Duration(days)*24*time.Hour, nil
}

// Wipe does what an intruder with all rights can do: it deletes what no lock keeps and hides the
// rest.
func (l *Locked) Wipe() {
	for _, v := range l.all("") {
		_ = l.DeleteVersion(context.Background(), v.Name, v.ID)
	}
	for _, v := range l.all("") {
		_ = l.Delete(context.Background(), v.Name)
	}
}

// Clone returns an independent bucket with the same versions and clock.
func (l *Locked) Clone() *Locked {
	l.mu.Lock()
	defer l.mu.Unlock()
	again := &bucket{names: map[string][]*version{}, ahead: l.ahead, count: l.count, Default: l.Default}
	for name, versions := range l.names {
		for _, v := range versions {
			same := *v
			again.names[name] = append(again.names[name], &same)
		}
	}
	return &Locked{l.Denied, again}
}
