package items_test

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"

	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/restore/items"
)

// stopping is a server at which a restore is stopped, after so many items.
type stopping struct {
	*archivetest.ItemServer
	mu   sync.Mutex // of left
	left int
	stop func()
}

func (s *stopping) Put(
	ctx context.Context, of collection.Collection, item collection.Item, old *collection.Listed,
) error {
	s.mu.Lock()
	if s.left--; s.left == 0 {
		s.stop()
	}
	s.mu.Unlock()
	return s.ItemServer.Put(ctx, of, item, old)
}

// TestContinuesAfterStop restores with one stop after the other. Each item is stored once.
func TestContinuesAfterStop(t *testing.T) {
	from := calendar(archivetest.OddEvents(300))
	contents := archived(t, from)
	to := &stopping{ItemServer: archivetest.NewItemServer()}
	added, stops := int64(0), 0
	for ; ; stops++ {
		ctx, stop := context.WithCancel(t.Context())
		to.left, to.stop = 70, stop
		report, err := items.ToServer(ctx, to, items.Options{Contents: contents})
		stop()
		added += report.Added
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if added != 300 || to.Puts != 300 || stops != 4 || !maps.Equal(to.State(), from.State()) {
		t.Errorf("%d items were added, %d were stored, after %d stops", added, to.Puts, stops)
	}
}
