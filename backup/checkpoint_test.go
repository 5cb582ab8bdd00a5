package backup_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

func TestInterruptedRunIsContinued(t *testing.T) {
	a := archivetest.LargeAccount(7000)
	ctx, interrupt := context.WithCancel(t.Context())
	var n atomic.Int64
	a.OnBody = func(string, mail.UID) error {
		if n.Add(1) == 5000 {
			interrupt()
		}
		return nil
	}
	r := archivetest.NewRepo(t, &storetest.Memory{})
	b := archivetest.TryBackup(ctx, r, a)
	if !errors.Is(b.Err, context.Canceled) || !b.Kept {
		t.Fatalf("%v, kept %v", b.Err, b.Kept)
	}
	first := a.Bodies
	b = archivetest.Backup(t, r, a)
	archivetest.MustHold(t, r, b, a.State())
	// One message of each connection was under way.
	if again := a.Bodies - first; again > 7000-5000+2*3 {
		t.Errorf("after %d messages were downloaded, %d more were", first, again)
	}
	if b.Manifest.State != manifest.Complete || !b.Manifest.Consistent {
		t.Errorf("state %v, consistent %v", b.Manifest.State, b.Manifest.Consistent)
	}
}

func TestServerThatGoesAwayLeavesACheckpoint(t *testing.T) {
	a := archivetest.LargeAccount(7000)
	var n atomic.Int64
	a.OnBody = func(string, mail.UID) error {
		if n.Add(1) > 6000 {
			return errors.New("the server is gone for good")
		}
		return nil
	}
	r := archivetest.NewRepo(t, &storetest.Memory{})
	if b := archivetest.TryBackup(t.Context(), r, a); b.Err == nil || !b.Kept {
		t.Fatalf("%v, kept %v", b.Err, b.Kept)
	}
	a.OnBody = nil
	first := a.Bodies
	b := archivetest.Backup(t, r, a)
	archivetest.MustHold(t, r, b, a.State())
	// One message of each connection was under way.
	if again := a.Bodies - first; again > 7000-6000+2*3 {
		t.Errorf("after %d messages were downloaded, %d more were", first, again)
	}
}

// The manifest of the run that continues reports what the run before it found out before its
// checkpoint.
func TestCheckpointsCarryWarnings(t *testing.T) {
	a := archivetest.LargeAccount(3000)
	r := archivetest.NewRepo(t, &storetest.Memory{})
	archivetest.Backup(t, r, a)
	for _, m := range a.Mailboxes {
		m.Reset()
	}
	n := 0
	a.OnBody = func(string, mail.UID) error {
		if n++; n > 2500 {
			return errors.New("the server is gone for good")
		}
		return nil
	}
	a.Connections = 1
	if b := archivetest.TryBackup(t.Context(), r, a); b.Err == nil || !b.Kept {
		t.Fatalf("%v, kept %v", b.Err, b.Kept)
	}
	a.OnBody = nil
	b := archivetest.Backup(t, r, a)
	for name := range a.Mailboxes {
		if !slices.ContainsFunc(b.Manifest.Warnings, func(w string) bool {
			return strings.Contains(w, fmt.Sprintf("mailbox %q was replaced or renumbered", name))
		}) {
			t.Errorf("no warning that %s was renumbered: %q", name, b.Manifest.Warnings)
		}
	}
	if again := archivetest.Backup(t, r, a); len(again.Manifest.Warnings) > 0 {
		t.Errorf("reported once more: %q", again.Manifest.Warnings)
	}
}

// interrupting interrupts a run when the first object of a folder is put.
type interrupting struct {
	*storetest.Memory
	folder    string
	interrupt context.CancelFunc
}

func (s *interrupting) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	if strings.HasPrefix(name, s.folder) {
		s.interrupt()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.Memory.Put(ctx, name, body, size)
}

// A run that is interrupted after everything was read writes its manifest, whatever it was doing.
func TestInterruptedWhenAllWasRead(t *testing.T) {
	for _, folder := range []string{"data/", "catalog/", "index/", "manifests/"} {
		ctx, interrupt := context.WithCancel(t.Context())
		store := &interrupting{new(storetest.Memory), folder, interrupt}
		r := archivetest.NewRepo(t, store)
		a := archivetest.SampleAccount()
		backups, err := backup.Run(ctx, r, []backup.Account{{Name: "account-0", URL: "imap://test", Source: a}}, backup.Options{})
		if !errors.Is(err, context.Canceled) || len(backups) != 1 || backups[0].Err != nil {
			t.Fatalf("%s: %v, %+v", folder, err, backups[0])
		}
		b := backups[0]
		archivetest.MustHold(t, r, b, a.State())
		if next := archivetest.Backup(t, r, a); next.Manifest.Parent != b.Head.ID || next.Manifest.Totals.NewMessages > 0 {
			t.Errorf("%s: the next run does not go on from it: %+v", folder, next.Manifest.Totals)
		}
		interrupt()
	}
}

// A run that is interrupted while it writes a checkpoint completes it, with everything that was
// downloaded until then, and the next run downloads nothing of that again. What a connection was
// asked for before may still arrive, and is downloaded again.
func TestInterruptedAtACheckpoint(t *testing.T) {
	for _, folder := range []string{"data/", "catalog/", "index/", "manifests/"} {
		ctx, cancel := context.WithCancel(t.Context())
		a := archivetest.LargeAccount(3000)
		downloaded := 0 // when the run was interrupted
		interrupt := sync.OnceFunc(func() {
			a.Mu.Lock()
			defer a.Mu.Unlock()
			downloaded = a.Bodies
			cancel()
		})
		r := archivetest.NewRepo(t, &interrupting{new(storetest.Memory), folder, interrupt})
		backups, err := backup.Run(ctx, r, []backup.Account{{Name: "account-0", URL: "imap://test", Source: a}}, backup.Options{
			Checkpoint: func(_ time.Duration, bytes int64) bool { return bytes > 10_000 },
		})
		if !errors.Is(err, context.Canceled) || len(backups) != 1 || backups[0].Err != nil && !backups[0].Kept { // or it completed
			t.Fatalf("%s: %v, %+v", folder, err, backups[0])
		}
		kept := 0
		for summary, err := range archive.Manifests(t.Context(), r) {
			if err != nil {
				t.Fatal(err)
			}
			kept = len(archivetest.ArchivedState(t, r, summary.Head))
			break
		}
		if downloaded == 0 || kept < downloaded {
			t.Errorf("%s: when the run was interrupted, %d messages were downloaded; %d are kept", folder, downloaded, kept)
		}
		first := a.Bodies
		b := archivetest.Backup(t, r, a)
		archivetest.MustHold(t, r, b, a.State())
		if again := a.Bodies - first; again != 3000-kept {
			t.Errorf("%s: %d messages were kept, and %d were downloaded after them", folder, kept, again)
		}
	}
}

// Checkpoints after every few messages contain nothing that the account does not, and never less
// than the one before.
func TestCheckpointsHoldWhatWasRead(t *testing.T) {
	a := archivetest.LargeAccount(9_000)
	r := archivetest.NewRepo(t, &storetest.Memory{})
	backups, err := backup.Run(t.Context(), r, []backup.Account{{Name: "account-0", URL: "imap://test", Source: a}}, backup.Options{
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
		lines := archivetest.ArchivedState(t, r, summary.Head)
		for _, line := range lines {
			if _, found := slices.BinarySearch(state, line); !found {
				t.Fatalf("a checkpoint holds what the account does not: %s", line)
			}
		}
		if len(lines) > held { // newest first
			t.Errorf("a checkpoint holds %d messages, the next one %d", len(lines), held)
		}
		held = len(lines)
	}
	if checkpoints == 0 {
		t.Error("no checkpoint was written")
	}
}
