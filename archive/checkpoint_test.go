package archive_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo/storetest"
)

// large is an account that takes several windows for each of its mailboxes.
func large(messages int) *account {
	a := newAccount()
	for i := range messages {
		a.mailbox([]string{"INBOX", "Archive"}[i%2]).add(fmt.Sprintf("Subject: %d\r\n\r\nbody %d\r\n", i, i))
	}
	return a
}

func TestInterruptedRunIsGoneOnFrom(t *testing.T) {
	a := large(7000)
	ctx, interrupt := context.WithCancel(t.Context())
	var n atomic.Int64
	a.onBody = func(string, mail.UID) error {
		if n.Add(1) == 5000 {
			interrupt()
		}
		return nil
	}
	r := newRepo(t, &storetest.Memory{})
	b := tryBackUp(ctx, r, a)
	if !errors.Is(b.Err, context.Canceled) || !b.Kept {
		t.Fatalf("%v, kept %v", b.Err, b.Kept)
	}
	first := a.bodies
	b = backUp(t, r, a)
	mustHold(t, r, b, a.state())
	// One of each connection was under way.
	if again := a.bodies - first; again > 7000-5000+2*3 {
		t.Errorf("after %d messages were downloaded, %d more were", first, again)
	}
	if b.Manifest.State != manifest.Complete || !b.Manifest.Consistent {
		t.Errorf("state %v, consistent %v", b.Manifest.State, b.Manifest.Consistent)
	}
}

func TestServerThatGoesAwayLeavesACheckpoint(t *testing.T) {
	a := large(7000)
	var n atomic.Int64
	a.onBody = func(string, mail.UID) error {
		if n.Add(1) > 6000 {
			return errors.New("the server is gone for good")
		}
		return nil
	}
	r := newRepo(t, &storetest.Memory{})
	if b := tryBackUp(t.Context(), r, a); b.Err == nil || !b.Kept {
		t.Fatalf("%v, kept %v", b.Err, b.Kept)
	}
	a.onBody = nil
	first := a.bodies
	b := backUp(t, r, a)
	mustHold(t, r, b, a.state())
	// One of each connection was under way.
	if again := a.bodies - first; again > 7000-6000+2*3 {
		t.Errorf("after %d messages were downloaded, %d more were", first, again)
	}
}

// TestCheckpointsHoldWhatWasRead lays one after every few messages, and looks into each: it must hold nothing that the
// account does not, and never less than the one before.
func TestCheckpointsHoldWhatWasRead(t *testing.T) {
	a := large(9_000)
	r := newRepo(t, &storetest.Memory{})
	backups, err := archive.BackUp(t.Context(), r, []archive.Account{{Name: "account-0", Source: a}}, archive.BackupOptions{
		Checkpoint: func(_ time.Duration, bytes int64) bool { return bytes > 30_000 },
	})
	if err != nil || backups[0].Err != nil {
		t.Fatal(err, backups[0].Err)
	}
	mustHold(t, r, backups[0], a.state())
	if a.bodies != 9_000 {
		t.Errorf("%d messages were downloaded, want each once", a.bodies)
	}
	state := a.state()
	checkpoints, held := 0, 9_000
	for summary, err := range archive.Manifests(t.Context(), r) {
		if err != nil {
			t.Fatal(err)
		}
		if summary.Manifest.State == manifest.Complete {
			continue
		}
		checkpoints++
		lines := archived(t, r, summary.Head)
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
