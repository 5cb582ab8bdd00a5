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

// ErrFault is the error of every operation that a Faulty store spoils.
var ErrFault = errors.New("the store was made to fail here")

// Fault is how an operation goes wrong.
type Fault int

const (
	None Fault = iota // it does not

	// Refuse: nothing is done, and the caller gets an error.
	Refuse

	// Lose: what was asked is done, and the caller gets an error nevertheless. As bad as a lost response, and as a
	// crash right after the operation. A Get or List that is lost fails like Refuse, since it has nothing to do.
	Lose

	// Truncate: the body of a Get ends with an error after half of its bytes, a List after half of its objects.
	// A Put, being atomic, and the others fail like Refuse.
	Truncate
)

// Op is one operation on a store.
type Op struct {
	N    int    // counts every operation on this store, from 1
	Kind string // "put", "get", "list", "delete" or "now"
	Name string // of the object; for "list" the prefix
}

// Faulty is a Store whose operations go wrong where Fail says so. To crash at the n-th operation, refuse all
// from the n-th on (CrashAt); to find every place where something can go wrong, do so for n = 1, 2, …
// until a run ends with Ops() < n.
type Faulty struct {
	store.Store
	Fail func(Op) Fault

	mu sync.Mutex
	n  int
}

// CrashAt is a Fail for a store that does f at the n-th operation, and nothing at all thereafter.
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

// fault counts an operation and asks what becomes of it.
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
	fault, failure := f.fault("put", name)
	switch fault {
	case None:
		return f.Store.Put(ctx, name, body, size)
	case Lose:
		_ = f.Store.Put(ctx, name, body, size) // nobody will know how it went
		return failure
	default:
		return failure
	}
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
	return &torn{data[:len(data)/2], failure}, size, nil
}

// torn is a body that ends with an error.
type torn struct {
	rest []byte
	err  error
}

func (t *torn) Read(p []byte) (int, error) {
	if len(t.rest) == 0 {
		return 0, t.err
	}
	n := copy(p, t.rest)
	t.rest = t.rest[n:]
	return n, nil
}

func (t *torn) Close() error { return nil }

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

// half yields the first half of a listing and says whether the caller wants more.
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
	fault, failure := f.fault("delete", name)
	switch fault {
	case None:
		return f.Store.Delete(ctx, name)
	case Lose:
		_ = f.Store.Delete(ctx, name)
		return failure
	default:
		return failure
	}
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
