package maildir

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// A lock file that nobody touched for so long was left by a crash. Dovecot waits as long.
const lockStaleAfter = 2 * time.Minute

// lockPoll is how often a lock is looked at that another holds.
const lockPoll = 100 * time.Millisecond

// replaceLocked changes a small file that a mail server may change at the same time, by Dovecot's rules: the file's new
// text is written to a lock file beside it, which in the end takes its place.
func replaceLocked(ctx context.Context, root *os.Root, name string, limit int64, change func(text []byte) []byte) error {
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

// lockFile makes the lock, as soon as nobody else has it.
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
		select {
		case <-time.After(lockPoll):
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for %s: %w", lock, context.Cause(ctx))
		}
	}
}
