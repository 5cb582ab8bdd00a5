package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// FailedBackup says that the last backup of an account on this host failed. The repository does not
// know: such a backup stores no manifest.
type FailedBackup struct {
	Since time.Time `json:"since"` // of the first failure since the last success
	Time  time.Time `json:"time"`
	Error string    `json:"error"`
}

// FailedBackups returns the accounts whose last backup on this host into a repository failed.
func (p *Program) FailedBackups(l *access.Location) (map[string]FailedBackup, error) {
	file, err := p.stateFile("failed", l)
	if err != nil {
		return nil, err
	}
	failed, err := readFailed(file)
	if err != nil {
		err = fmt.Errorf("which backups of this host failed cannot be read: %w; the next mailstrata backup writes %s again", err, file)
	}
	return failed, err
}

// readFailed returns a map that can be written to, also beside an error.
func readFailed(file string) (map[string]FailedBackup, error) {
	var failed map[string]FailedBackup
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &failed)
	}
	if err != nil || failed == nil { // JSON's null is no error
		failed = make(map[string]FailedBackup)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return failed, err
}

// RecordBackups remembers how the backups of some accounts into a repository ended: with an error,
// or "".
func (p *Program) RecordBackups(ctx context.Context, l *access.Location, ended map[string]string) {
	if err := p.recordBackups(context.WithoutCancel(ctx), l, ended); err != nil {
		p.Warn("mailstrata status on this host does not know of this backup: %s", ui.OneLine(err.Error()))
	}
}

func isFailure(text string) bool { return text != "" }

func (p *Program) recordBackups(ctx context.Context, l *access.Location, ended map[string]string) error {
	file, err := p.stateFile("failed", l)
	if err != nil {
		return err
	}
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) &&
		!slices.ContainsFunc(slices.Collect(maps.Values(ended)), isFailure) {
		return nil // so a host that keeps no state is not warned each night
	}
	unlock, _, err := local.Lock(ctx, filepath.Join(filepath.Dir(file), "failed.lock"), nil)
	if err != nil {
		return err
	}
	defer unlock()
	failed, err := readFailed(file)
	changed := err != nil // what cannot be read is written again
	now := time.Now().UTC()
	for account, text := range ended {
		before, again := failed[account]
		switch {
		case text == "" && !again:
			continue
		case text == "":
			delete(failed, account)
		case again:
			failed[account] = FailedBackup{before.Since, now, text}
		default:
			failed[account] = FailedBackup{now, now, text}
		}
		changed = true
	}
	if !changed {
		return nil
	}
	text, err := json.Marshal(failed)
	if err != nil {
		return err
	}
	return local.Replace(file, append(text, '\n'))
}
