package restore_test

import (
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/restore"
)

// A folder that is deleted or replaced meanwhile costs its own messages. They are in the report and
// are kept as files, and the other folders are restored.
func TestFolderLost(t *testing.T) {
	for name, test := range map[string]struct {
		at      int
		added   int64
		refused int64
		reason  string
	}{
		"while it is compared": {-1, 0, 300, "NO such mailbox"},
		"at first":             {0, 0, 300, "NO such mailbox"},
		"later":                {120, 120, 180, "NO such mailbox; what was added to it before may be gone (messages: 120)"},
	} {
		t.Run(name, func(t *testing.T) {
			s := archivetest.NewMemReader(t)
			other := archivetest.PlainMessages(1, 500)
			contents := s.Contents(t, s.Mailbox(t, "Lost", archivetest.PlainMessages(1000, 300)...), s.Mailbox(t, "Other", other...))
			target := newMemTarget(s)
			target.Messages, target.LoseAt = 50, map[string]int{"Lost": test.at}
			report, err := restore.Run(t.Context(), restore.Options{Contents: contents, Target: target, ReportDir: t.TempDir()})
			if err != nil || report.Whole() {
				t.Fatal(err, report)
			}
			target.Holds(t, "Other", other...)
			if report.Added != 500+test.added || report.Refused != test.refused || report.Lost != 1 || report.DoneMessages != 800 || report.DoneMailboxes != 1 {
				t.Errorf("have %+v", report.Progress)
			}
			said := ""
			for _, p := range report.Problems {
				if p.Kind == restore.FolderLost {
					said += p.String()
				} else if p.Mailbox != "Lost" || p.Kept == "" {
					t.Errorf("have %s", p)
				}
			}
			if !strings.HasPrefix(said, `lost mailbox "Lost": deleted, renamed or replaced by others while it was restored: `+test.reason) {
				t.Errorf("have %s", said)
			}
		})
	}
}
