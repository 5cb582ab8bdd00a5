package restore_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// A target that refuses all mail ends the restore after some messages, in its own words, and
// nothing is kept as files.
func TestTargetRefusesAll(t *testing.T) {
	s := archivetest.NewMemReader(t)
	contents := s.Contents(t, s.Mailbox(t, "INBOX", archivetest.PlainMessages(1, 40_000)...),
		s.Mailbox(t, "Sent", archivetest.PlainMessages(1, 8)...), s.Mailbox(t, "empty"))
	refusal := fmt.Errorf("APPEND: %w: NO [READ-ONLY] not yours", mail.ErrRefused)
	refuse := func(restore.Message) error { return refusal }
	for name, change := range map[string]func(*memTarget){
		"opens none":   func(m *memTarget) { m.Closed = map[string]error{"INBOX": refusal, "Sent": refusal} },
		"makes none":   func(m *memTarget) { m.Skip, m.Reason = map[string]bool{"INBOX": true, "Sent": true}, refusal },
		"takes none":   func(m *memTarget) { m.Refuse = refuse },
		"in any order": func(m *memTarget) { m.Free, m.Refuse = true, refuse },
		"both":         func(m *memTarget) { m.Closed, m.Refuse = map[string]error{"INBOX": refusal}, refuse },
	} {
		t.Run(name, func(t *testing.T) {
			target, dir := newMemTarget(s), filepath.Join(t.TempDir(), "kept")
			change(target)
			report, err := restore.Run(t.Context(), restore.Options{Contents: contents, Target: target, ReportDir: dir})
			var all *restore.RefusedError
			if !errors.As(err, &all) || all.Mailbox != "INBOX" || all.Mailboxes != 2 || !strings.Contains(err.Error(), "NO [READ-ONLY] not yours") {
				t.Fatalf("have %v, %+v", err, report.Progress)
			}
			if report.Refused+report.Added+report.Present > 0 {
				t.Errorf("have %+v", report.Progress)
			}
			if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("something was kept: %v", err)
			}
			if sent := sum(target.Appended); sent > 200 {
				t.Errorf("%d messages were sent", sent)
			}
		})
	}
}

// A target that takes any message is asked for all of the others, and what it refuses is kept.
func TestTargetRefusesMost(t *testing.T) {
	s := archivetest.NewMemReader(t)
	first, last := archivetest.PlainMessages(1, 18_000), archivetest.PlainMessages(20_001, 50)
	contents := s.Contents(t, s.Mailbox(t, "first", first...), s.Mailbox(t, "last", last...))
	for _, free := range []bool{false, true} {
		target := newMemTarget(s)
		target.Free = free
		target.Refuse = func(m restore.Message) error {
			if m.UID < 17_990 || m.UID == 20_050 {
				return fmt.Errorf("APPEND: %w: NO after %d ms", mail.ErrRefused, m.UID)
			}
			return nil
		}
		report, err := restore.Run(t.Context(), restore.Options{Contents: contents, Target: target})
		if err != nil || report.Added != 60 || report.Refused != 17_990 || report.DoneMessages != report.Messages || report.DoneMailboxes != 2 {
			t.Fatalf("have %v, %+v", err, report.Progress)
		}
		target.Holds(t, "first", first[17_989:]...)
		target.Holds(t, "last", last[:49]...)
	}
}

// A few messages that the target refuses do not say that it refuses all.
func TestFewMessagesAreRefused(t *testing.T) {
	s := archivetest.NewMemReader(t)
	contents := s.Contents(t, s.Mailbox(t, "INBOX", archivetest.PlainMessages(1, 9)...))
	target := newMemTarget(s)
	target.Refuse = func(restore.Message) error { return fmt.Errorf("%w: NO too large", mail.ErrRefused) }
	report, err := restore.Run(t.Context(), restore.Options{Contents: contents, Target: target, ReportDir: t.TempDir()})
	if err != nil || report.Refused != 9 || report.Problems[0].Kept == "" {
		t.Fatalf("have %v, %+v", err, report)
	}
}

func sum(numbers []int) (n int) {
	for _, each := range numbers {
		n += each
	}
	return n
}

// Some refusals do not say that a target refuses all, although a batch may have one message: the
// oldest messages of a mailbox may be odd in one way.
func TestFirstMessagesAreRefused(t *testing.T) {
	s := archivetest.NewMemReader(t)
	messages := archivetest.PlainMessages(1, 200)
	contents := s.Contents(t, s.Mailbox(t, "INBOX", messages...))
	for _, batch := range []int{1, 3, 0} {
		target := newMemTarget(s)
		target.Messages = batch
		target.Refuse = func(m restore.Message) error {
			if m.UID <= 60 {
				return fmt.Errorf("APPEND: %w: NO [LIMIT] too large", mail.ErrRefused)
			}
			return nil
		}
		report, err := restore.Run(t.Context(), restore.Options{Contents: contents, Target: target})
		if err != nil || report.Added != 140 || report.Refused != 60 {
			t.Errorf("batches of %d: have %v, %+v", batch, err, report.Progress)
			continue
		}
		target.Holds(t, "INBOX", messages[60:]...)
	}
}

// A refusal that was recorded before its mailbox is put aside is not recorded again.
func TestRefusedOnce(t *testing.T) {
	s := archivetest.NewMemReader(t)
	contents := s.Contents(t, s.Mailbox(t, "first", archivetest.PlainMessages(1, 40)...),
		s.Mailbox(t, "last", archivetest.PlainMessages(101, 1)...))
	for _, batch := range []int{1, 3, 0} {
		target := newMemTarget(s)
		target.Messages = batch
		target.Refuse = func(m restore.Message) error {
			if m.UID > 100 {
				return nil
			}
			return fmt.Errorf("APPEND: %w: NO %s", mail.ErrRefused, strings.Repeat("no", int(m.UID)/4))
		}
		report, err := restore.Run(t.Context(), restore.Options{Contents: contents, Target: target})
		if err != nil || report.Added != 1 || report.Refused != 40 || report.DoneMessages != report.Messages {
			t.Errorf("batches of %d: have %v, %+v", batch, err, report.Progress)
		}
	}
}
