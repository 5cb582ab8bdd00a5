package backup

import (
	"errors"
	"testing"

	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo/store"
)

// If the mail of an account could not be read, but something beside it shrank, monitors hear of
// both.
func TestAlarmsOfFailedMail(t *testing.T) {
	failed := &backup.Result{Account: "anna", Err: errors.New("no answer"), Manifest: &manifest.Manifest{Alarm: []string{"the calendar Work is gone"}}}
	if got := watchedAccount(failed); got.Status != cli.StatusFailed || got.Err != "no answer" || got.Alarms != 1 {
		t.Errorf("monitors hear of %+v", got)
	}
}

// A backup that cannot renew locks that are due ends with status 3, and reports it for the account.
func TestStatusOfLocksThatAreDue(t *testing.T) {
	for name, c := range map[string]struct {
		locks  error
		alarms []string
		want   int
	}{
		"renewed":        {nil, nil, cli.StatusDone},
		"due":            {store.ErrPermission, nil, cli.StatusPartial},
		"due, and worse": {store.ErrPermission, []string{"INBOX shrank"}, cli.StatusShrunk},
	} {
		run := &backupRun{program: &cli.Program{Output: ui.Discard()}, ended: map[string]string{}, accounts: 2}
		result := &backup.Result{Account: "anna", Locks: c.locks, Manifest: &manifest.Manifest{Alarm: c.alarms}}
		run.add(t.Context(), result)
		got := cli.StatusOf(run.outcome())
		if watched := watchedAccount(result).Status; got != c.want || watched != c.want {
			t.Errorf("%s: status %d, and %d for monitors", name, got, watched)
		}
	}
}
