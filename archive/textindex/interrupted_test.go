package textindex_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/mailstrata/mailstrata/archive/textindex"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// A run can be interrupted anywhere, also in the middle of a night, and nights can follow before
// the next run. In the end the index finds what a search without it finds.
func TestInterrupted(t *testing.T) {
	defer textindex.SmallWindows(40)()
	r := newRepo(t, &storetest.Memory{})
	w := newWorld(77)
	stopped := errors.New("stopped")
	for round := range 12 {
		w.change()
		archivetest.Backup(t, r, w.Account)
		if round == 6 {
			w.Mailbox("INBOX").Reset()
		}
		x := open(t, r)
		ctx, cancel := context.WithCancelCause(t.Context())
		left := w.random.IntN(60)
		x.Progress = func(textindex.Report) {
			if left--; left == 0 {
				cancel(stopped)
			}
		}
		if _, _, err := x.Bring(ctx); err != nil && !errors.Is(err, stopped) {
			t.Fatal(err)
		}
		cancel(nil)
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
	compare(t, r, open(t, r), "after interruptions")
}

// Several processes bring one index up to date at once, and each searches what it then has.
func TestSeveralAtOnce(t *testing.T) {
	defer textindex.SmallWindows(40)()
	r := newRepo(t, &storetest.Memory{})
	w := newWorld(78)
	for range 8 {
		w.change()
		archivetest.Backup(t, r, w.Account)
	}
	var group sync.WaitGroup
	for range 3 {
		x := open(t, r)
		group.Go(func() {
			if _, _, err := x.Bring(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	x := open(t, r)
	if _, report := bring(t, x); report.Messages != 0 {
		t.Errorf("%d messages were left", report.Messages)
	}
	compare(t, r, x, "after all")
}

// State that is not what this package writes is an error, and never a panic.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 0})
	f.Add(make([]byte, 33))
	f.Fuzz(func(t *testing.T, b []byte) {
		if !textindex.Decode(b) {
			t.Error("what is read is not what is written")
		}
	})
}
