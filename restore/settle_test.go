package restore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/restore"
)

// lateTarget is a memTarget whose folders say later what became of the messages.
type lateTarget struct {
	*memTarget
	lacks   func(restore.Message) bool // messages that it accepts, and does not have
	lost    string                     // a folder that is lost before it settles
	settled []int                      // messages, by call of Settle
	takes   time.Duration              // that Append takes
	pending time.Duration              // the longest time from Append to Settle
}

type lateFolder struct {
	*memFolder
	target  *lateTarget
	results []restore.AppendResult
	since   time.Time // of the first
}

func (l *lateTarget) Open(ctx context.Context, place restore.Place) (restore.Folder, error) {
	folder, err := l.memTarget.Open(ctx, place)
	if err != nil {
		return nil, err
	}
	return &lateFolder{memFolder: folder.(*memFolder), target: l}, nil
}

func (f *lateFolder) Append(ctx context.Context, messages []restore.Message) ([]restore.AppendResult, error) {
	time.Sleep(f.target.takes)
	if len(f.results) == 0 {
		f.since = time.Now()
	}
	results, err := f.memFolder.Append(ctx, messages)
	for i, result := range results {
		if result.Added {
			if f.target.lacks != nil && f.target.lacks(messages[i]) {
				result = restore.AppendResult{Refused: errors.New("the server does not have it")}
			}
			f.results, results[i] = append(f.results, result), restore.AppendResult{Added: true, Pending: true}
		}
	}
	return results, err
}

func (f *lateFolder) Settle(context.Context) ([]restore.AppendResult, error) {
	f.target.mu.Lock()
	defer f.target.mu.Unlock()
	results := f.results
	f.results = nil
	f.target.pending = max(f.target.pending, time.Since(f.since))
	f.target.settled = append(f.target.settled, len(results))
	if f.name == f.target.lost {
		return results, fmt.Errorf("%w: NO such mailbox", restore.ErrFolderLost)
	}
	return results, nil
}

// Results that come later are those of the right messages, and the counts are as if they had come
// at once.
func TestResultsThatComeLater(t *testing.T) {
	s := archivetest.NewMemReader(t)
	messages := archivetest.PlainMessages(1, 4500)
	target := &lateTarget{memTarget: newMemTarget(s)}
	target.lacks = func(m restore.Message) bool { return m.UID == messages[77].UID }
	target.Alter = func(m restore.Message) bool { return m.UID == messages[4400].UID }
	target.Refuse = func(m restore.Message) error {
		if m.UID == messages[2222].UID {
			return errors.New("too large")
		}
		return nil
	}
	report, err := restore.Run(t.Context(), restore.Options{Contents: s.Contents(t, s.Mailbox(t, "A", messages...)), Target: target,
		ReportDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if report.Added != 4498 || report.Refused != 2 || report.Altered != 1 || report.DoneMessages != 4500 || report.DoneMailboxes != 1 {
		t.Errorf("have %+v", report.Progress)
	}
	var problems []string
	for _, p := range report.Problems {
		problems = append(problems, fmt.Sprint(p.Kind, " ", p.UID, " ", p.Kept != ""))
	}
	want := []string{
		fmt.Sprint(restore.MessageRefused, " ", messages[2222].UID, " true"),
		fmt.Sprint(restore.MessageRefused, " ", messages[77].UID, " true"),
		fmt.Sprint(restore.MessageAltered, " ", messages[4400].UID, " true"),
	}
	slices.Sort(problems)
	slices.Sort(want)
	if !slices.Equal(problems, want) {
		t.Errorf("have %q, want %q", problems, want)
	}
	if len(target.settled) != 3 || slices.Max(target.settled) > 2500 {
		t.Errorf("settled %v: thousands together, but not all", target.settled)
	}
}

// Results are pending for about a minute at most, in a folder that has all of its messages, too:
// what somebody deletes meanwhile would seem to be refused by the server.
func TestResultsAreNotPendingForLong(t *testing.T) {
	s := archivetest.NewMemReader(t)
	contents := s.Contents(t, s.Mailbox(t, "Small", archivetest.PlainMessages(1000, 20)...), s.Mailbox(t, "Large", archivetest.PlainMessages(1, 300)...))
	synctest.Test(t, func(t *testing.T) {
		target := &lateTarget{memTarget: newMemTarget(s), takes: 10 * time.Second}
		target.Messages = 5
		report, err := restore.Run(t.Context(), restore.Options{Contents: contents, Target: target})
		if err != nil || report.Added != 320 || target.pending > 2*time.Minute || len(target.settled) > 20 {
			t.Errorf("have %+v, %v, pending for %v, settled %v", report.Progress, err, target.pending, target.settled)
		}
	})
}

// A folder that is lost before it settles is reported, and the others are restored.
func TestFolderLostBeforeItSettles(t *testing.T) {
	s := archivetest.NewMemReader(t)
	messages := archivetest.PlainMessages(1, 300)
	contents := s.Contents(t, s.Mailbox(t, "Lost", archivetest.PlainMessages(1000, 100)...), s.Mailbox(t, "Other", messages...))
	target := &lateTarget{memTarget: newMemTarget(s), lost: "Lost"}
	report, err := restore.Run(t.Context(), restore.Options{Contents: contents, Target: target})
	if err != nil || report.Whole() {
		t.Fatal(err, report)
	}
	target.Holds(t, "Other", messages...)
	if report.Added != 400 || report.Lost != 1 || report.DoneMessages != 400 || report.DoneMailboxes != 1 {
		t.Errorf("have %+v", report.Progress)
	}
}

// A restore that fails counts what it added, though the results are pending.
func TestFailureWhileResultsArePending(t *testing.T) {
	s := archivetest.NewMemReader(t)
	target := &lateTarget{memTarget: newMemTarget(s)}
	target.Messages, target.FailAt = 50, 3
	report, err := restore.Run(t.Context(), restore.Options{Contents: s.Contents(t, s.Mailbox(t, "A", archivetest.PlainMessages(1, 300)...)), Target: target})
	if !errors.Is(err, errFull) {
		t.Fatal(err)
	}
	if held := len(target.Folders["A"].Held); report.Added != int64(held) || held == 0 || len(target.settled) != 0 {
		t.Errorf("have %+v, settled %v", report.Progress, target.settled)
	}
}
