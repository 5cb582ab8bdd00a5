package restore_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/restore"
)

// slowTarget waits before each batch.
type slowTarget struct {
	*memTarget
	takes time.Duration
}

type slowFolder struct {
	restore.Folder
	takes time.Duration
}

func (s *slowTarget) Open(ctx context.Context, place restore.Place) (restore.Folder, error) {
	f, err := s.memTarget.Open(ctx, place)
	return &slowFolder{f, s.takes}, err
}

func (f *slowFolder) Append(ctx context.Context, messages []restore.Message) ([]restore.AppendResult, error) {
	select {
	case <-time.After(f.takes):
		return f.Folder.Append(ctx, messages)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// A restore without progress ends with the reason. A slow one that makes progress does not.
func TestTimeLimit(t *testing.T) {
	s := archivetest.NewMemReader(t)
	contents := s.Contents(t, s.Mailbox(t, "INBOX", archivetest.PlainMessages(1, 100)...))
	for takes, added := range map[time.Duration]int64{50 * time.Minute: 100, 2 * time.Hour: 0} {
		synctest.Test(t, func(t *testing.T) {
			target := newMemTarget(s)
			target.Messages = 10
			began := time.Now()
			report, err := restore.Run(t.Context(), restore.Options{
				Contents: contents, Target: &slowTarget{target, takes}, TimeLimit: time.Hour,
			})
			if report.Added != added {
				t.Errorf("with %v a batch, %d messages are added", takes, report.Added)
			}
			if stuck := err != nil && strings.Contains(err.Error(), "nothing was restored for 1h0m0s"); stuck != (added == 0) || !stuck && err != nil {
				t.Errorf("with %v a batch it ends with %v", takes, err)
			}
			if took := time.Since(began); added == 0 && took > 2*time.Hour {
				t.Errorf("it takes %v", took)
			}
		})
	}
}
