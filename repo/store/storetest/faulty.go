package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/repo/store"
)

// ErrFault is the error of every operation that Faulty makes fail.
var ErrFault = errors.New("the store was made to fail here")

// Fault is how an operation fails.
type Fault int

const (
	None Fault = iota // it succeeds

	// Refuse does nothing and returns an error.
	Refuse

	// Lose does the operation and returns an error, like a lost response or a crash right after the
	// operation. For Get and List it is Refuse.
	Lose

	// Truncate ends the body of a Get with an error after half of its bytes, and a List after half
	// of its objects. For the other operations it is Refuse: Put is atomic.
	Truncate
)

// Op is one operation on a store.
type Op struct {
	N    int    // counts every operation on this store, from 1
	Kind string // "put", "get", "list", "delete" or "now"
	Name string // of the object; for "list" the prefix
}

// Faulty is a Store whose operations fail as Fail says. To crash at the n-th operation, use
// CrashAt. To crash at each operation, do so for n = 1, 2, … until a run ends with Ops() < n.
type Faulty struct {
	store.Store
	Fail func(Op) Fault

	mu sync.Mutex
	n  int
}

// CrashAt returns a Fail with the fault f at the n-th operation, and Refuse at all later ones.
func CrashAt(n int, f Fault) func(Op) Fault {
	return func(op Op) Fault {
		switch {
		case op.N < n:
			return None
		case op.N == n:
			return f
		default:
			return Refuse
		}
	}
}

// Ops returns how many operations there have been.
func (f *Faulty) Ops() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n
}

// fault counts an operation and returns its fault.
func (f *Faulty) fault(kind, name string) (Fault, error) {
	f.mu.Lock()
	f.n++
	op := Op{N: f.n, Kind: kind, Name: name}
	f.mu.Unlock()
	if f.Fail == nil {
		return None, nil
	}
	return f.Fail(op), fmt.Errorf("operation %d, %s %s: %w", op.N, op.Kind, op.Name, ErrFault)
}

// Put implements store.Store.
func (f *Faulty) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	return f.write("put", name, func() error { return f.Store.Put(ctx, name, body, size) })
}

// write does an operation that changes the store, as its fault says.
func (f *Faulty) write(kind, name string, do func() error) error {
	fault, failure := f.fault(kind, name)
	switch fault {
	case None:
		return do()
	case Lose:
		_ = do() // its result is lost
	}
	return failure
}

// Get implements store.Store.
func (f *Faulty) Get(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
	fault, failure := f.fault("get", name)
	if fault != None && fault != Truncate {
		return nil, 0, failure
	}
	body, size, err := f.Store.Get(ctx, name, offset, length)
	if err != nil || fault == None {
		return body, size, err
	}
	data, err := io.ReadAll(body)
	if err := errors.Join(err, body.Close()); err != nil {
		return nil, 0, err
	}
	return &tornBody{data[:len(data)/2], failure}, size, nil
}

// tornBody is a body that ends with an error.
type tornBody struct {
	rest []byte
	err  error
}

func (t *tornBody) Read(p []byte) (int, error) {
	if len(t.rest) == 0 {
		return 0, t.err
	}
	n := copy(p, t.rest)
	t.rest = t.rest[n:]
	return n, nil
}

func (t *tornBody) Close() error { return nil }

// List implements store.Store.
func (f *Faulty) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		fault, failure := f.fault("list", prefix)
		if fault == None {
			f.Store.List(ctx, prefix)(yield)
			return
		}
		if fault == Truncate && !f.half(ctx, prefix, yield) {
			return
		}
		yield(store.Object{}, failure)
	}
}

// half yields the first half of a listing. It reports whether the caller wants more.
func (f *Faulty) half(ctx context.Context, prefix string, yield func(store.Object, error) bool) bool {
	var objects []store.Object
	for o, err := range f.Store.List(ctx, prefix) {
		if err != nil {
			return true
		}
		objects = append(objects, o)
	}
	for _, o := range objects[:len(objects)/2] {
		if !yield(o, nil) {
			return false
		}
	}
	return true
}

// Delete implements store.Store.
func (f *Faulty) Delete(ctx context.Context, name string) error {
	return f.write("delete", name, func() error { return f.Store.Delete(ctx, name) })
}

// Now implements store.Store.
func (f *Faulty) Now(ctx context.Context) (time.Time, error) {
	if fault, failure := f.fault("now", ""); fault != None {
		return time.Time{}, failure
	}
	return f.Store.Now(ctx)
}

// HostTime returns the time of the simulated host, if the store has one.
func (f *Faulty) HostTime() time.Time {
	if s, ok := f.Store.(interface{ HostTime() time.Time }); ok {
		return s.HostTime()
	}
	return time.Now()
}
