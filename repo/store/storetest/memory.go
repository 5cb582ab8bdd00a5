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

// Memory is a store.Store in memory. Its zero value is an empty store.
//
// A test may also set its clock with Advance and damage it with Replace.
type Memory struct {
	mu      sync.Mutex
	objects map[string]object
	ahead   time.Duration // of this host's clock
	leapt   time.Duration // the part of ahead that the simulated host does not share
}

type object struct {
	data []byte // never changed
	made time.Time
}

// Put implements store.Store.
func (m *Memory) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	if !store.ValidName(name) {
		return fmt.Errorf("%q is not a name for an object", name)
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(io.NewSectionReader(body, 0, size), data); err != nil {
		return fmt.Errorf("put %s: %w", name, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if old, ok := m.objects[name]; ok {
		if bytes.Equal(old.data, data) {
			return nil
		}
		return fmt.Errorf("put %s: %w", name, store.ErrExist)
	}
	m.set(name, object{data, m.now()})
	return nil
}

// Get implements store.Store.
func (m *Memory) Get(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	m.mu.Lock()
	o, ok := m.objects[name]
	m.mu.Unlock()
	if !ok {
		return nil, 0, fmt.Errorf("get %s: %w", name, store.ErrNotExist)
	}
	size := int64(len(o.data))
	offset, length, err := store.Within(size, offset, length)
	if err != nil {
		return nil, 0, fmt.Errorf("get %s: %w", name, err)
	}
	return io.NopCloser(bytes.NewReader(o.data[offset : offset+length])), size, nil
}

// List implements store.Store. It may or may not yield what is put or deleted in the meantime.
func (m *Memory) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		for _, name := range m.Names() {
			if err := ctx.Err(); err != nil {
				yield(store.Object{}, err)
				return
			}
			m.mu.Lock()
			o, ok := m.objects[name]
			m.mu.Unlock()
			if !ok || !strings.HasPrefix(name, prefix) {
				continue
			}
			if !yield(store.Object{Name: name, Size: int64(len(o.data)), Time: o.made}, nil) {
				return
			}
		}
	}
}

// Delete implements store.Store.
func (m *Memory) Delete(ctx context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	delete(m.objects, name)
	return nil
}

// Now implements store.Store. It returns the time of this host and what Advance added.
func (m *Memory) Now(ctx context.Context) (time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now(), ctx.Err()
}

// Advance sets the clocks of the store and of the simulated host forward; a negative d sets them
// back.
func (m *Memory) Advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ahead += d
}

// Leap sets only the store's clock forward or back.
func (m *Memory) Leap(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ahead += d
	m.leapt += d
}

// HostTime returns the time of the simulated host: the time of the store without what Leap added.
func (m *Memory) HostTime() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now().Add(-m.leapt)
}

// Replace makes data the content of name, which no Store does. The time of an existing object
// stays.
func (m *Memory) Replace(name string, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[name]
	if !ok {
		o.made = m.now()
	}
	m.set(name, object{bytes.Clone(data), o.made})
}

// Names returns the names of all objects, in order.
func (m *Memory) Names() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.objects))
}

// Bytes returns a copy of an object's bytes, or nil if there is no such object.
func (m *Memory) Bytes(name string) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Clone(m.objects[name].data)
}

// Clone returns an independent store with the same objects and the same clock, such as the state
// after a crash, from which several tests go on.
func (m *Memory) Clone() *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &Memory{objects: maps.Clone(m.objects), ahead: m.ahead, leapt: m.leapt}
}

func (m *Memory) now() time.Time { return time.Now().Add(m.ahead) }

func (m *Memory) set(name string, o object) {
	if m.objects == nil {
		m.objects = map[string]object{}
	}
	m.objects[name] = o
}
