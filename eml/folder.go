package eml

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/internal/tree"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

const (
	suffix    = ".eml"
	flagsFile = "flags.jsonl"
)

// folder is the directory of a mailbox.
type folder struct {
	path    string
	root    *os.Root // as long as files is open
	files   *tree.Dir
	present map[mark][]mail.UID // what the directory held when it was opened
}

// readPresent lists the messages of a directory.
func readPresent(ctx context.Context, root *os.Root) (map[mark][]mail.UID, error) {
	dir, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	present := make(map[mark][]mail.UID)
	for {
		names, err := dir.Readdirnames(4096)
		for _, name := range names {
			if uid, hash, ok := parseFileName(name); ok {
				present[hash] = append(present[hash], uid)
			}
		}
		if errors.Is(err, io.EOF) {
			return present, nil
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return nil, err
		}
	}
}

// Missing implements restore.Folder. A file counts for the message of its UID first, and else for any that is equal.
func (f *folder) Missing(_ context.Context, wanted []restore.Wanted) ([]int, error) {
	var open []int
	spare := make(map[mark]int)
	for i := range wanted {
		hash := markOf(wanted[i].Hash)
		there := f.present[hash]
		if _, ok := spare[hash]; !ok {
			spare[hash] = len(there)
		}
		if slices.Contains(there, wanted[i].UID) {
			spare[hash]--
		} else {
			open = append(open, i)
		}
	}
	return slices.DeleteFunc(open, func(i int) bool {
		hash := markOf(wanted[i].Hash)
		spare[hash]--
		return spare[hash] >= 0
	}), nil
}

// BatchSize: batches are made beneath; for a caller any number is good.
func (f *folder) BatchSize() (int, int64) { return 1000, 64 << 20 }

// Append implements restore.Folder. The messages have their names when the folder is closed.
func (f *folder) Append(ctx context.Context, messages []restore.Wanted) ([]restore.AppendResult, error) {
	names := make([]string, len(messages))
	for i := range messages {
		names[i] = fileName(ctx, &messages[i])
	}
	if err := f.noteFlags(messages, names); err != nil {
		return nil, tree.Explain(f.path, err)
	}
	fates := make([]restore.AppendResult, 0, len(messages))
	for i := range messages {
		fate, err := f.add(ctx, &messages[i], names[i])
		if err != nil {
			return fates, err
		}
		fates = append(fates, fate)
	}
	return fates, nil
}

// add writes one message. The error is for what ends the restore; a message that cannot be read is refused.
func (f *folder) add(ctx context.Context, m *restore.Wanted, name string) (restore.AppendResult, error) {
	file := f.files.Create()
	w := watched{to: file}
	if err := m.Body.WriteTo(ctx, &w); err != nil {
		file.Discard()
		if w.err == nil && ctx.Err() == nil {
			return restore.AppendResult{Refused: err}, nil
		}
		return restore.AppendResult{}, errors.Join(w.err, ctx.Err())
	}
	// A date that a file cannot have is in flags.jsonl: nothing is lost.
	if _, err := file.Keep(name, time.Unix(m.Internal.Seconds, 0)); err != nil {
		return restore.AppendResult{}, err
	}
	return restore.AppendResult{Added: true}, nil
}

// watched tells errors of the disk from errors of the archive.
type watched struct {
	to  io.Writer
	err error
}

func (w *watched) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	w.err = err
	return n, err
}

// line is one of flags.jsonl. Bytes that are not UTF-8 in a flag become U+FFFD.
type line struct {
	File     string     `json:"file"`
	UID      mail.UID   `json:"uid"`
	Internal string     `json:"internaldate,omitempty"`
	Flags    mail.Flags `json:"flags,omitempty"`
}

// noteFlags adds lines before the messages have their names: a line too many, after a crash, does no harm.
func (f *folder) noteFlags(messages []restore.Wanted, names []string) error {
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	encoder.SetEscapeHTML(false)
	for i := range messages {
		m := &messages[i]
		l := line{File: names[i], UID: m.UID, Flags: m.Flags, Internal: m.Internal.String()}
		if err := encoder.Encode(l); err != nil {
			return err
		}
	}
	if info, err := f.root.Lstat(flagsFile); err == nil && !info.Mode().IsRegular() {
		return &fs.PathError{Op: "open", Path: flagsFile, Err: errors.New("the list of flags, flags.jsonl, is no ordinary file")}
	}
	file, err := f.root.OpenFile(flagsFile, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(lines.Bytes())
	return errors.Join(err, file.Close())
}

// Close gives what was added its names.
func (f *folder) Close() error { return f.files.Close() }
