package storetest

import (
	"context"
	"io"
	"iter"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/repo/store"
)

// RoundTrip is how long each request to a Far store takes.
const RoundTrip = 50 * time.Millisecond

// Far is a Store that is one round trip away, and counts the requests that it gets. A test in a
// bubble of package testing/synctest, whose clock goes on only when everybody waits, sees in
// RoundTrips how many requests a command makes one after the other, however slow the machine is. In
// such a bubble no mutex may be held during a request: a goroutine that waits for a mutex stops the
// clock. Use golang.org/x/sync/semaphore, or a channel.
//
// It counts as package s3 does it: a page of a listing is a request, and the time is known for a
// minute after an answer.
type Far struct {
	store.Store

	mu       sync.Mutex
	began    time.Time
	answered time.Time
	requests Requests
}

// Requests counts the requests to a Far store.
type Requests struct {
	Get, List, Put, Delete, Now int

	Bytes int64 // of the bodies of all Gets
}

// All returns the number of requests.
func (r Requests) All() int { return r.Get + r.List + r.Put + r.Delete + r.Now }

// NewFar returns a Far store with the objects of s. Its clock begins now.
func NewFar(s store.Store) *Far { return &Far{Store: s, began: time.Now()} }

// Reset sets all counts to zero.
func (f *Far) Reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests, f.began, f.answered = Requests{}, time.Now(), time.Time{}
}

// Requests returns the number of requests since the last Reset.
func (f *Far) Requests() Requests {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests
}

// RoundTrips returns how many round trips have passed since the last Reset.
func (f *Far) RoundTrips() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int((time.Since(f.began) + RoundTrip/2) / RoundTrip)
}

// HostTime returns the time of the simulated host, if the store below has one.
func (f *Far) HostTime() time.Time {
	if simulated, ok := f.Store.(interface{ HostTime() time.Time }); ok {
		return simulated.HostTime()
	}
	return time.Now()
}

// request counts a request and waits for its answer.
func (f *Far) request(ctx context.Context, count func(*Requests)) error {
	f.mu.Lock()
	count(&f.requests)
	f.mu.Unlock()
	select {
	case <-time.After(RoundTrip):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answered = time.Now()
	return nil
}

// Put implements store.Store.
func (f *Far) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	if err := f.request(ctx, func(r *Requests) { r.Put++ }); err != nil {
		return err
	}
	return f.Store.Put(ctx, name, body, size)
}

// Get implements store.Store.
func (f *Far) Get(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
	if err := f.request(ctx, func(r *Requests) { r.Get++ }); err != nil {
		return nil, 0, err
	}
	body, size, err := f.Store.Get(ctx, name, offset, length)
	if err == nil {
		body = &countedBody{body, f}
	}
	return body, size, err
}

// countedBody adds what is read to the bytes of its store.
type countedBody struct {
	io.ReadCloser
	far *Far
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.far.mu.Lock()
	defer b.far.mu.Unlock()
	b.far.requests.Bytes += int64(n)
	return n, err
}

// pageOfListing is the number of objects in a page, as S3 has it.
const pageOfListing = 1000

// List implements store.Store.
func (f *Far) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		page := func() error { return f.request(ctx, func(r *Requests) { r.List++ }) }
		err, n := page(), 0
		if err != nil {
			yield(store.Object{}, err)
			return
		}
		for o, err := range f.Store.List(ctx, prefix) {
			if n++; err == nil && n > pageOfListing {
				err, n = page(), 1
			}
			if !yield(o, err) || err != nil {
				return
			}
		}
	}
}

// Delete implements store.Store.
func (f *Far) Delete(ctx context.Context, name string) error {
	if err := f.request(ctx, func(r *Requests) { r.Delete++ }); err != nil {
		return err
	}
	return f.Store.Delete(ctx, name)
}

// Now implements store.Store.
func (f *Far) Now(ctx context.Context) (time.Time, error) {
	f.mu.Lock()
	known := !f.answered.IsZero() && time.Since(f.answered) < time.Minute
	f.mu.Unlock()
	if !known {
		if err := f.request(ctx, func(r *Requests) { r.Now++ }); err != nil {
			return time.Time{}, err
		}
	}
	return f.Store.Now(ctx)
}
