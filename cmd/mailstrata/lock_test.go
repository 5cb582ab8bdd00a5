package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/objectlock"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// doctor tells of locks before and after they are due, and of none where there is none.
func TestDoctorTellsOfLocks(t *testing.T) {
	lock := &objectlock.Lock{Days: 10, ByDefault: true}
	store := storetest.NewLocked(lock.Term())
	r, err := repo.Init(t.Context(), store, repo.InitOptions{NoSeal: true, Lock: lock})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, want := range []verdict{verdictOK, verdictWarn} {
		e := new(examination)
		e.lock(t.Context(), store, r)
		if len(e.findings) != 1 || e.findings[0].Status != want || !strings.Contains(e.findings[0].Finding, "10 days, governance") {
			t.Errorf("%+v", e.findings)
		}
		store.Advance(6 * 24 * time.Hour)
	}
	e, open := new(examination), new(storetest.Memory)
	if r, err = repo.Init(t.Context(), open, repo.InitOptions{NoSeal: true}); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if e.lock(t.Context(), open, r); len(e.findings) > 0 {
		t.Errorf("%+v", e.findings)
	}
}

// A backup that could not renew locks which are due ends with a status that monitors see, and so does its account for them.
func TestLocksThatAreDueAreAStatus(t *testing.T) {
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
		run.take(&backup.Result{Account: "anna", Locks: c.locks, Manifest: &manifest.Manifest{Alarm: c.alarms}})
		got, ended := statusDone, new(outcome)
		if err := run.judge(); errors.As(err, &ended) {
			got = ended.status
		}
		if told := p.watcher.run.Accounts[0].Status; got != c.want || told != c.want {
			t.Errorf("%s: status %d, and %d for monitors", name, got, told)
		}
	}
}
