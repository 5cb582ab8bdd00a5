package inflight_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/internal/inflight"
)

// simulated is a store whose answers take as long as answer says, which gets the number of requests
// under way.
type simulated struct {
	limit  *inflight.Limit
	answer func(underWay int) (after time.Duration, refused bool)

	underWay, most, served atomic.Int64
}

// request makes a request.
func (s *simulated) request(ctx context.Context) error {
	r, err := s.limit.Begin(ctx)
	if err != nil {
		return err
	}
	n := s.underWay.Add(1)
	for {
		if most := s.most.Load(); n <= most || s.most.CompareAndSwap(most, n) {
			break
		}
	}
	after, refused := s.answer(int(n))
	time.Sleep(after)
	s.underWay.Add(-1)
	if refused {
		r.Refused()
		return nil
	}
	s.served.Add(1)
	r.Answered("GET", after)
	return nil
}

// run makes n requests, as many at once as the limit allows, and returns how long they take.
func (s *simulated) run(t *testing.T, n int) time.Duration {
	began := time.Now()
	var group sync.WaitGroup
	for range n {
		group.Go(func() {
			if err := s.request(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	return time.Since(began)
}

// takes answers after a constant time.
func takes(d time.Duration) func(int) (time.Duration, bool) {
	return func(int) (time.Duration, bool) { return d, false }
}

// On a far store the limit doubles each round trip: a thousand requests take 32, 64 and then 128 at
// once.
func TestFarStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &simulated{limit: inflight.New(), answer: takes(50 * time.Millisecond)}
		if took := s.run(t, 32+64+128*7); took != 9*50*time.Millisecond {
			t.Errorf("it took %v, want nine round trips", took)
		}
		if most := s.most.Load(); most != inflight.Most {
			t.Errorf("at most %d at once, want %d", most, inflight.Most)
		}
	})
}

// The times of a good store are spread widely, and a new connection delays some: the limit still
// grows.
func TestSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		s := &simulated{limit: inflight.New(), answer: func(int) (time.Duration, bool) {
			return time.Duration(10+(n.Add(1)*37)%90) * time.Millisecond, false
		}}
		s.run(t, 2000)
		if most := s.most.Load(); most != inflight.Most {
			t.Errorf("at most %d at once, want %d", most, inflight.Most)
		}
	})
}

// A store that does one thing after the other gets few requests at once, whether it is near or
// slow.
func TestBusyStore(t *testing.T) {
	for _, each := range []time.Duration{time.Millisecond, 20 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			s := &simulated{limit: inflight.New(), answer: func(n int) (time.Duration, bool) {
				return time.Duration(n) * each, false
			}}
			s.run(t, 2000)
			if most := s.most.Load(); most >= 2*inflight.First {
				t.Errorf("%v a request: %d at once", each, most)
			}
			s.most.Store(0)
			s.run(t, 2000)
			if most := s.most.Load(); most < inflight.First || most >= 2*inflight.First {
				t.Errorf("%v a request: later %d at once", each, most)
			}
		})
	}
}

// A store that refuses gets half as many, and for a while no more than that. Refusals at the same
// time count once.
func TestRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		takesAtOnce := 1000
		s := &simulated{limit: inflight.New(), answer: func(n int) (time.Duration, bool) {
			return 50 * time.Millisecond, n > takesAtOnce
		}}
		s.run(t, 1000)
		takesAtOnce = 70
		s.run(t, 128)
		s.most.Store(0)
		s.run(t, 640)
		if most := s.most.Load(); most != 64 {
			t.Errorf("%d at once after a refusal, want 64", most)
		}
		time.Sleep(5 * time.Second)
		s.most.Store(0)
		s.run(t, 64+72)
		if most := s.most.Load(); most != 72 {
			t.Errorf("%d at once five seconds later, want 72", most)
		}
	})
}

// Even a store that refuses everything gets one request at a time, and later more again.
func TestRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := true
		s := &simulated{limit: inflight.New(), answer: func(int) (time.Duration, bool) { return 50 * time.Millisecond, down }}
		s.run(t, 200)
		s.most.Store(0)
		s.run(t, 10)
		if most := s.most.Load(); most != 1 {
			t.Errorf("a store that is down gets %d at once", most)
		}
		down = false
		time.Sleep(time.Minute)
		s.run(t, 10000)
		if most := s.most.Load(); most != inflight.Most {
			t.Errorf("at most %d at once after it is up again", most)
		}
	})
}

// A route that becomes slower for good does not count as load for ever.
func TestOtherRoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &simulated{limit: inflight.New(), answer: takes(20 * time.Millisecond)}
		s.run(t, 1000)
		s.answer = takes(200 * time.Millisecond)
		s.run(t, 1000)
		time.Sleep(time.Minute)
		s.run(t, 2000)
		s.most.Store(0)
		s.run(t, 1000)
		if most := s.most.Load(); most != inflight.Most {
			t.Errorf("at most %d at once", most)
		}
	})
}

// Few requests at once show nothing, and do not raise the limit.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &simulated{limit: inflight.New(), answer: takes(50 * time.Millisecond)}
		for range 100 {
			s.run(t, 10)
		}
		s.most.Store(0)
		if s.run(t, 32+64) != 100*time.Millisecond || s.most.Load() != 64 {
			t.Errorf("%d at once, want 32 and then 64", s.most.Load())
		}
	})
}

// Waiting ends with its context, and leaves the place to the next.
func TestCanceledWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := inflight.New()
		var held []inflight.Request
		for range inflight.First {
			r, err := limit.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, r)
		}
		cause := errors.New("interrupted")
		ctx, cancel := context.WithCancelCause(t.Context())
		var gone, next atomic.Pointer[error]
		wait := func(ctx context.Context, to *atomic.Pointer[error]) {
			_, err := limit.Begin(ctx)
			to.Store(&err)
		}
		go wait(ctx, &gone)
		synctest.Wait()
		go wait(t.Context(), &next)
		synctest.Wait()
		cancel(cause)
		synctest.Wait()
		if err := gone.Load(); err == nil || *err != cause {
			t.Fatalf("the wait ends with %v", err)
		}
		if next.Load() != nil {
			t.Fatal("more begin than the limit allows")
		}
		held[0].Ended()
		synctest.Wait()
		if err := next.Load(); err == nil || *err != nil {
			t.Errorf("the next one does not begin: %v", err)
		}
	})
}

// A wait that is canceled at the moment of its turn gives the place back: no place is lost, and no
// more are used than the limit allows.
func TestPlacesAreNotLost(t *testing.T) {
	limit := inflight.New()
	var group sync.WaitGroup
	for i := range 5000 {
		group.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i%50)*time.Microsecond)
			defer cancel()
			if r, err := limit.Begin(ctx); err == nil {
				time.Sleep(time.Microsecond)
				r.Ended()
			}
		})
	}
	group.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for range inflight.First {
		if _, err := limit.Begin(ctx); err != nil {
			t.Fatal("a place is lost")
		}
	}
	soon, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if _, err := limit.Begin(soon); err == nil {
		t.Error("more begin than the limit allows")
	}
}
