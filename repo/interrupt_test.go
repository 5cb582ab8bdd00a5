package repo_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// stuck is a store in which puts of catalog packs wait until the test releases them.
type stuck struct {
	*storetest.Memory
	began sync.WaitGroup // done when as many uploads wait as there can be at once
	letGo chan struct{}
}

func (s *stuck) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	if strings.HasPrefix(name, "catalog/") {
		select {
		case <-s.letGo:
		default:
			s.began.Done()
			<-s.letGo
		}
	}
	return s.Memory.Put(ctx, name, body, size)
}

// If Put is canceled, even while it waits for a free frame, the writer can still flush what was put
// before.
func TestCanceledPutDoesNotEndWriter(t *testing.T) {
	store := &stuck{Memory: new(storetest.Memory), letGo: make(chan struct{})}
	store.began.Add(2)
	r := mustInit(t, store, repo.InitOptions{NoSeal: true})
	run, err := r.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w, err := run.Writer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	var ids []chunk.ID
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		data := make([]byte, 4<<20)
		for i := range data {
			data[i] = byte(rand.Uint32())
		}
		for i := uint64(0); ; i++ {
			binary.LittleEndian.PutUint64(data, i)
			id, _, err := w.Put(ctx, repo.LaneCatalog, data)
			if err != nil {
				if !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				return
			}
			ids = append(ids, id)
		}
	}()
	store.began.Wait()
	time.Sleep(200 * time.Millisecond) // lets most of the goroutines wait for a frame
	interrupt()
	close(store.letGo)
	<-ended
	for _, lane := range []repo.Lane{repo.LaneHeader, repo.LaneText, repo.LaneBody} { // and calls that come after the cancellation
		if _, _, err := w.Put(ctx, lane, []byte{byte(lane)}); !errors.Is(err, context.Canceled) {
			t.Errorf("a canceled Put: %v", err)
		}
	}
	if err := w.Flush(t.Context()); err != nil {
		t.Fatalf("flush of %d chunks: %v", len(ids), err)
	}
	for _, id := range ids {
		if _, err := r.Reader(repo.ReaderOptions{}).Chunk(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
}

// interrupting is a store that cancels its user's context when the first pack comes.
type interrupting struct {
	*storetest.Memory
	interrupt context.CancelFunc
}

func (s *interrupting) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	if strings.HasPrefix(name, "catalog/") {
		s.interrupt()
		time.Sleep(10 * time.Millisecond) // time for a writer that does not wait to give up
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return s.Memory.Put(ctx, name, body, size)
}

// If a Flush in the middle of a run is canceled, a later Flush can still make everything durable.
func TestCanceledFlushDoesNotEndWriter(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	r := mustInit(t, &interrupting{new(storetest.Memory), interrupt}, repo.InitOptions{NoSeal: true})
	run, err := r.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w, err := run.Writer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	c := content{}
	add := func(text string) {
		id, _, err := w.Put(t.Context(), repo.LaneCatalog, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		c[id] = []byte(text)
	}
	add("before")
	if err := w.Flush(ctx); err != nil {
		t.Errorf("the canceled flush did not finish: %v", err)
	}
	add("after")
	if err := w.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustRead(t, r, c)
}
