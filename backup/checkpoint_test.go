package backup_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo/storetest"
)

func TestInterruptedRunIsGoneOnFrom(t *testing.T) {
	a := archivetest.Large(7000)
	ctx, interrupt := context.WithCancel(t.Context())
	var n atomic.Int64
	a.OnBody = func(string, mail.UID) error {
		if n.Add(1) == 5000 {
			interrupt()
		}
		return nil
	}
	r := archivetest.NewRepo(t, &storetest.Memory{})
	b := archivetest.TryBackUp(ctx, r, a)
	if !errors.Is(b.Err, context.Canceled) || !b.Kept {
		t.Fatalf("%v, kept %v", b.Err, b.Kept)
	}
	first := a.Bodies
	b = archivetest.BackUp(t, r, a)
	archivetest.MustHold(t, r, b, a.State())
	// One of each connection was under way.
	if again := a.Bodies - first; again > 7000-5000+2*3 {
		t.Errorf("after %d messages were downloaded, %d more were", first, again)
	}
	if b.Manifest.State != manifest.Complete || !b.Manifest.Consistent {
		t.Errorf("state %v, consistent %v", b.Manifest.State, b.Manifest.Consistent)
	}
}

func TestServerThatGoesAwayLeavesACheckpoint(t *testing.T) {
	a := archivetest.Large(7000)
	var n atomic.Int64
	a.OnBody = func(string, mail.UID) error {
		if n.Add(1) > 6000 {
			return errors.New("the server is gone for good")
		}
		return nil
	}
	r := archivetest.NewRepo(t, &storetest.Memory{})
	if b := archivetest.TryBackUp(t.Context(), r, a); b.Err == nil || !b.Kept {
		t.Fatalf("%v, kept %v", b.Err, b.Kept)
	}
	a.OnBody = nil
	first := a.Bodies
	b := archivetest.BackUp(t, r, a)
	archivetest.MustHold(t, r, b, a.State())
	// One of each connection was under way.
	if again := a.Bodies - first; again > 7000-6000+2*3 {
		t.Errorf("after %d messages were downloaded, %d more were", first, again)
	}
}

// TestCheckpointsHoldWhatWasRead lays one after every few messages, and looks into each: it must hold nothing that the
// account does not, and never less than the one before.
func TestCheckpointsHoldWhatWasRead(t *testing.T) {
	a := archivetest.Large(9_000)
	r := archivetest.NewRepo(t, &storetest.Memory{})
	backups, err := backup.Run(t.Context(), r, []backup.Account{{Name: "account-0", Source: a}}, backup.Options{
		Checkpoint: func(_ time.Duration, bytes int64) bool { return bytes > 30_000 },
	})
	if err != nil || backups[0].Err != nil {
		t.Fatal(err, backups[0].Err)
	}
	archivetest.MustHold(t, r, backups[0], a.State())
	if a.Bodies != 9_000 {
		t.Errorf("%d messages were downloaded, want each once", a.Bodies)
	}
	state := a.State()
	checkpoints, held := 0, 9_000
	for summary, err := range archive.Manifests(t.Context(), r) {
		if err != nil {
			t.Fatal(err)
		}
		if summary.Manifest.State == manifest.Complete {
			continue
		}
		checkpoints++
		lines := archivetest.Archived(t, r, summary.Head)
		for _, line := range lines {
			if _, found := slices.BinarySearch(state, line); !found {
				t.Fatalf("a checkpoint holds what the account does not: %s", line)
			}
		}
		if len(lines) > held { // the newest come first
			t.Errorf("a checkpoint holds %d messages, the next one %d", len(lines), held)
		}
		held = len(lines)
	}
	if checkpoints == 0 {
		t.Error("no checkpoint was laid")
	}
}
