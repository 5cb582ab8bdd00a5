package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/checked"
	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// Checked returns what the checks of this host found in a repository.
func (p *Program) Checked(l *access.Location) (*checked.Record, error) {
	file, err := p.stateFile("checked", l)
	if err != nil {
		return nil, err
	}
	return readChecked(file)
}

func readChecked(file string) (*checked.Record, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return &checked.Record{}, nil
	}
	var record *checked.Record
	if err == nil {
		record, err = checked.Parse(text)
	}
	if err != nil {
		return nil, fmt.Errorf("what checks of this host found cannot be read: %w; remove %s, then run mailstrata check --read-data", err, file)
	}
	return record, nil
}

// RecordCheck remembers how a check ended. If that fails, only this run knows of damage.
func (p *Program) RecordCheck(ctx context.Context, l *access.Location, result checked.Result) {
	if result.Damaged && p.Process.Step != nil {
		p.Process.Step.Damaged = true
	}
	if err := p.recordCheck(context.WithoutCancel(ctx), l, result); err != nil {
		p.Warn("the result of the check was not kept for mailstrata run and status: %s", ui.OneLine(err.Error()))
	}
}

func (p *Program) recordCheck(ctx context.Context, l *access.Location, result checked.Result) error {
	file, err := p.stateFile("checked", l)
	if err != nil {
		return err
	}
	unlock, _, err := local.Lock(ctx, filepath.Join(filepath.Dir(file), "checked.lock"), nil)
	if err != nil {
		return err
	}
	defer unlock()
	record, err := readChecked(file)
	if err != nil {
		return err
	}
	record.Add(time.Now().UTC(), result)
	text, err := record.Format()
	if err != nil {
		return err
	}
	return local.Replace(file, text)
}
