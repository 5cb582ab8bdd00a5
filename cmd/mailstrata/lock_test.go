package main

import (
	"errors"
	"testing"

	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo/store"
)

// A backup that cannot renew locks that are due ends with status 3, and reports it for the account.
func TestStatusOfLocksThatAreDue(t *testing.T) {
	for name, c := range map[string]struct {
		locks  error
		alarms []string
		want   int
	}{
		"renewed":        {nil, nil, statusDone},
		"due":            {store.ErrPermission, nil, statusPartial},
		"due, and worse": {store.ErrPermission, []string{"INBOX shrank"}, statusShrunk},
	} {
		p := &program{Output: ui.Discard(), watcher: new(watch)}
		run := &backupRun{program: p, accounts: 2}
		run.add(&backup.Result{Account: "anna", Locks: c.locks, Manifest: &manifest.Manifest{Alarm: c.alarms}})
		got, ended := statusDone, new(outcome)
		if err := run.outcome(); errors.As(err, &ended) {
			got = ended.status
		}
		if progress := p.watcher.run.Accounts[0].Status; got != c.want || progress != c.want {
			t.Errorf("%s: status %d, and %d for monitors", name, got, progress)
		}
	}
}
