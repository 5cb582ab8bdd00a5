package mboxsource

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/backup/source/disk"
	"github.com/mailstrata/mailstrata/internal/mailfile"
	"github.com/mailstrata/mailstrata/internal/retry"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/mbox"
)

// maxScans is how often a file is read while it changes.
const maxScans = 5

// scan reads the whole file, unless it was read since it changed. What a program writes meanwhile
// could become half of a message. So the file must be as it was before, or it grows: then it must
// begin with what was read the time before, except for the last message.
func (f *file) scan(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var before []disk.Message
	for n := range maxScans {
		version, err := f.settle(ctx)
		if err != nil {
			return err
		}
		if f.version == version {
			return nil
		}
		if err := f.scanOnce(ctx); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			before = nil
			continue // it became shorter
		} else if err != nil {
			return err
		}
		now, _, err := statOf(f.root, f.name)
		if err != nil {
			return err
		}
		if f.version = version; now == version ||
			n > 0 && len(before) > 0 && begins(f.messages, before[:len(before)-1]) {
			return nil
		}
		f.version, before = 0, f.messages
	}
	return errRewritten
}

// begins reports whether the messages begin with others.
func begins(messages, others []disk.Message) bool {
	return len(messages) >= len(others) &&
		slices.EqualFunc(messages[:len(others)], others, func(a, b disk.Message) bool { return a.Key == b.Key })
}

const (
	quiet    = 2 * time.Second // how old the time of a file must be, so that nobody is writing it
	maxWaits = 3
)

// statOf returns the version and the time of an mbox with its .imap file.
func statOf(root *os.Root, name string) (version uint64, changed time.Time, err error) {
	info, err := root.Lstat(name)
	if err != nil {
		return 0, changed, err
	}
	infos := []fs.FileInfo{info}
	if metadata := metadataName(name); metadata != "" {
		if info, err := root.Lstat(metadata); err == nil {
			infos = append(infos, info)
		}
	}
	return disk.VersionOf(infos...), info.ModTime(), nil
}

// settle waits for a file that is being written, but not forever. It returns the version.
func (f *file) settle(ctx context.Context) (uint64, error) {
	for n := 0; ; n++ {
		version, changed, err := statOf(f.root, f.name)
		if err != nil {
			return 0, err
		}
		age := time.Since(changed)
		if age < 0 || age >= quiet || n == maxWaits || f.version == version {
			return version, nil
		}
		if err := retry.Sleep(ctx, quiet-age); err != nil {
			return 0, err
		}
	}
}

// scanOnce reads the whole file.
func (f *file) scanOnce(ctx context.Context) error {
	open, info, err := mailfile.Open(f.root, f.name)
	if err != nil {
		return err
	}
	defer open.Close()
	f.version, f.clipped, f.variant, f.doubts, f.rest = 0, false, mbox.RD, mbox.Doubts{}, 0
	f.numbers, f.unfit = f.readMetadata(info.Size())
	if f.numbers != nil {
		if err = f.readNumbered(ctx, open); !errors.Is(err, errNoMetadata) {
			f.rest = info.Size() - f.numbers.end()
			return f.explain(err)
		}
		f.numbers, f.unfit = nil, err
	}
	if f.variant, err = f.findVariant(ctx, open, info.Size()); err != nil {
		return err
	}
	take := f.taker(open)
	f.doubts, err = mbox.Scan(ctx, open, info.Size(), f.variant, func(p mbox.Place) error { return take(p, nil) })
	return f.explain(err)
}

func (f *file) explain(err error) error {
	if err != nil {
		err = fmt.Errorf("read %s: %w", f.name, err)
	}
	return err
}

// readNumbered reads the messages where imap-backup says that they are.
func (f *file) readNumbered(ctx context.Context, open io.ReaderAt) error {
	take := f.taker(open)
	for i := range f.numbers.Messages {
		n := &f.numbers.Messages[i]
		p, err := n.place(open)
		if err = errors.Join(err, context.Cause(ctx)); err == nil {
			err = take(p, n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// taker returns a function that reads a message and adds it to the entries, which are none at
// first.
func (f *file) taker(open io.ReaderAt) func(mbox.Place, *numbersOf) error {
	f.entries, f.messages = nil, nil
	flags := make(map[string]mail.Flags) // most messages share theirs
	return func(p mbox.Place, numbers *numbersOf) error {
		e, message, err := f.read(open, p, numbers)
		if err != nil {
			return err
		}
		key := strings.Join(message.Flags, "\x00")
		if shared, ok := flags[key]; ok {
			message.Flags = shared
		} else {
			flags[key] = message.Flags
		}
		message.At = len(f.entries)
		f.entries, f.messages = append(f.entries, e), append(f.messages, message)
		return nil
	}
}
