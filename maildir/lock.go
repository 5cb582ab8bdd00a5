package maildir

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/mailstrata/mailstrata/internal/retry"
)

// lockStaleAfter is the age at which a lock file is a leftover of a crash. Dovecot uses the same
// age.
const lockStaleAfter = 2 * time.Minute

// lockPoll is the time between two attempts to take a lock.
const lockPoll = 100 * time.Millisecond

// replaceLocked changes a small file that a mail server may change at the same time, by the rules
// of Dovecot: the new text is written to a lock file in the same directory, which then replaces the
// file.
func replaceLocked(
	ctx context.Context, root *os.Root, name string, limit int64, change func(text []byte) []byte,
) error {
	lock := name + ".lock"
	file, err := lockFile(ctx, root, lock)
	if err != nil {
		return err
	}
	text, err := readSmall(root, name, limit)
	if err == nil {
		changed := change(text)
		if bytes.Equal(text, changed) {
			return errors.Join(file.Close(), root.Remove(lock))
		}
		_, err = file.Write(changed)
	}
	if err == nil {
		err = file.Sync()
	}
	if errClose := file.Close(); err == nil {
		err = errClose
	}
	if err == nil {
		err = root.Rename(lock, name)
	}
	if err != nil {
		_ = root.Remove(lock)
	}
	return err
}

// lockFile creates the lock file. It waits until no other process has it.
func lockFile(ctx context.Context, root *os.Root, lock string) (*os.File, error) {
	for {
		file, err := root.OpenFile(lock, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if !errors.Is(err, fs.ErrExist) {
			return file, err
		}
		if info, err := root.Lstat(lock); err == nil && time.Since(info.ModTime()) > lockStaleAfter {
			if err := root.Remove(lock); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
			continue
		}
		if err := retry.Sleep(ctx, lockPoll); err != nil {
			return nil, fmt.Errorf("wait for %s: %w", lock, err)
		}
	}
}
