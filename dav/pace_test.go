package dav

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/collection"
)

// TestWritesAtOnce stores items at a server that waits until as many requests are under way as
// there may be. Then it asks for time once, and gets all items, but fewer at once.
func TestWritesAtOnce(t *testing.T) {
	f, c := newFake(t)
	var mu sync.Mutex
	busy, most, after, stored, refused := 0, 0, 0, 0, false
	gathered := make(chan struct{})
	f.on = func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		busy++
		if most = max(most, busy); most == atOnce && !refused {
			refused = true
			close(gathered)
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			busy--
			mu.Unlock()
			return true
		}
		mu.Unlock()
		select {
		case <-gathered:
		case <-time.After(5 * time.Minute):
			t.Error("no more requests come")
		}
		mu.Lock()
		defer mu.Unlock()
		if stored++; stored > atOnce {
			after = max(after, busy)
		}
		busy--
		w.WriteHeader(http.StatusCreated)
		return true
	}
	names := make(chan string)
	var working sync.WaitGroup
	for range 2 * c.WritesAtOnce() {
		working.Go(func() {
			for name := range names {
				item := collection.Item{Listed: collection.Listed{Name: name}, Content: []byte("x")}
				if err := c.Put(t.Context(), work, item, nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 100 {
		names <- fmt.Sprint(i, ".ics")
	}
	close(names)
	working.Wait()
	if most != atOnce || after > atOnce/2 || stored != 100 {
		t.Errorf("%d items are stored, %d at once, and %d after the server asked for time", stored, most, after)
	}
}

// TestPaceGivesUp checks that requests wait for so long without a success, and no longer.
func TestPaceGivesUp(t *testing.T) {
	p := newPace(time.Minute)
	if !p.slow(40*time.Second) || p.slow(70*time.Second) || !p.slow(50*time.Second) {
		t.Error("waits at one time are added up")
	}
	p.until = time.Time{} // that wait is over
	if p.slow(20 * time.Second) {
		t.Error("it waits for more than a minute")
	}
	p.busy++
	p.end(true)
	if !p.slow(20 * time.Second) {
		t.Error("it does not wait after a success")
	}
}
