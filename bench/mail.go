package main

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// set is mail to measure with: a Maildir++.
type set struct {
	name     string
	path     string
	messages int
	bytes    int64 // as files; a server sends line ends as CRLF
	large    bool  // few large messages, which must not lie on the disk many times
}

// given is a Maildir of the user's.
func given(path string) (s *set, err error) {
	path, err = filepath.Abs(path)
	s = &set{name: filepath.Base(path), path: path}
	if err == nil {
		s.messages, s.bytes, err = weigh(path)
	}
	if err == nil && s.messages == 0 {
		err = fmt.Errorf("there is no message in %s: is it a Maildir?", path)
	}
	return s, err
}

// eachMessage calls f with the path of each message of a Maildir, in order.
func eachMessage(root string, f func(path string, entry fs.DirEntry) error) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if dir := filepath.Base(filepath.Dir(path)); err != nil || !entry.Type().IsRegular() ||
			dir != "cur" && dir != "new" {
			return err
		}
		return f(path, entry)
	})
}

// weigh counts the messages of a Maildir and their bytes.
func weigh(root string) (messages int, bytes int64, err error) {
	err = eachMessage(root, func(_ string, entry fs.DirEntry) error {
		info, err := entry.Info()
		if err == nil {
			messages, bytes = messages+1, bytes+info.Size()
		}
		return err
	})
	return messages, bytes, err
}

// account is a user's mail on the Dovecot. One message in a hundred is held back, to come later.
type account struct {
	user     string
	maildir  string
	later    map[string]string // where they are, by where they belong
	messages int               // without these
}

// load makes an account of a set. Of a few large messages, none is held back.
func (s *servers) load(ctx context.Context, mail *set, user string) (*account, error) {
	home := s.dovecot.Home(user)
	a := &account{user: user, maildir: filepath.Join(home, "Maildir"), later: map[string]string{}}
	aside := filepath.Join(home, "later")
	if err := os.MkdirAll(aside, 0o755); err != nil {
		return nil, err
	}
	if err := do(ctx, "cp", "-a", mail.path, a.maildir); err != nil {
		return nil, err
	}
	i := 0
	err := eachMessage(a.maildir, func(path string, _ fs.DirEntry) error {
		if i++; i%100 != 1 || mail.large {
			a.messages++
			return nil
		}
		a.later[path] = filepath.Join(aside, fmt.Sprint(i))
		return os.Rename(path, a.later[path])
	})
	return a, cmp.Or(err, do(ctx, "chown", "-R", "nobody:nogroup", home))
}

// grow has the messages come that were held back.
func (a *account) grow() error {
	for to, from := range a.later {
		if err := os.Rename(from, to); err != nil {
			return err
		}
	}
	a.messages += len(a.later)
	a.later = nil
	return nil
}

// holds requires a Maildir to hold so many messages: who restores half is fast.
func holds(path string, messages int) error {
	n, _, err := weigh(path)
	if err == nil && n != messages {
		err = fmt.Errorf("there are %d messages in %s, not %d", n, path, messages)
	}
	return err
}

// do runs a command that is not measured.
func do(ctx context.Context, name string, args ...string) error {
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, cmp.Or(ctx.Err(), err), out)
	}
	return nil
}
