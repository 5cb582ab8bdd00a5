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

// folder is the directory of a mailbox. It implements restore.Folder and, for a preview,
// restore.ReadFolder.
type folder struct {
	path    string
	root    *os.Root // as long as files is open
	files   *tree.Dir
	present map[hashTag][]mail.UID // the messages when the directory was opened
}

// readPresent lists the messages of a directory.
func readPresent(ctx context.Context, root *os.Root) (map[hashTag][]mail.UID, error) {
	present := make(map[hashTag][]mail.UID)
	err := tree.ReadNames(ctx, root, ".", func(name string) {
		if uid, hash, ok := parseFileName(name); ok {
			present[hash] = append(present[hash], uid)
		}
	})
	return present, err
}

// Missing implements restore.Folder. A file counts first for the message with its UID, and
// otherwise for another copy.
func (f *folder) Missing(_ context.Context, wanted []restore.Message) ([]int, error) {
	var open []int
	spare := make(map[hashTag]int)
	for i := range wanted {
		hash := tagOf(wanted[i].Hash)
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
		hash := tagOf(wanted[i].Hash)
		spare[hash]--
		return spare[hash] >= 0
	}), nil
}

// BatchSize implements restore.Folder. Package tree makes batches of its own, so any size is fine.
func (f *folder) BatchSize() (int, int64) { return 1000, 64 << 20 }

// Append implements restore.Folder. The files of the messages get their names when the folder is
// closed.
func (f *folder) Append(ctx context.Context, messages []restore.Message) ([]restore.AppendResult, error) {
	names := make([]string, len(messages))
	for i := range messages {
		names[i] = fileName(ctx, &messages[i])
	}
	if err := f.writeFlags(messages, names); err != nil {
		return nil, tree.Explain(f.path, err)
	}
	results := make([]restore.AppendResult, 0, len(messages))
	for i := range messages {
		result, err := f.add(ctx, &messages[i], names[i])
		if err != nil {
			return results, err
		}
		results = append(results, result)
	}
	return results, nil
}

// add writes one message. A message that cannot be read is refused; other errors end the restore.
func (f *folder) add(ctx context.Context, m *restore.Message, name string) (restore.AppendResult, error) {
	file := f.files.Create()
	w := diskWriter{to: file}
	if err := m.Body.WriteTo(ctx, &w); err != nil {
		file.Discard()
		if w.err == nil && ctx.Err() == nil {
			return restore.AppendResult{Refused: err}, nil
		}
		return restore.AppendResult{}, errors.Join(w.err, ctx.Err())
	}
	// A date that the file system cannot store is in flags.jsonl, so nothing is lost.
	if _, err := file.Keep(name, time.Unix(m.Internal.Seconds, 0)); err != nil {
		return restore.AppendResult{}, err
	}
	return restore.AppendResult{Added: true}, nil
}

// diskWriter keeps errors of the disk, to distinguish them from errors of the archive.
type diskWriter struct {
	to  io.Writer
	err error
}

func (w *diskWriter) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	w.err = err
	return n, err
}

// line is a line of flags.jsonl. Bytes of a flag that are not UTF-8 become U+FFFD.
type line struct {
	File     string     `json:"file"`
	UID      mail.UID   `json:"uid"`
	Internal string     `json:"internaldate,omitempty"`
	Flags    mail.Flags `json:"flags,omitempty"`
}

// writeFlags adds the lines of messages to flags.jsonl, before their files have names. After a
// crash there may be lines without a file, which do no harm.
func (f *folder) writeFlags(messages []restore.Message, names []string) error {
	var lines bytes.Buffer
	if err := writeLines(&lines, messages, names); err != nil {
		return err
	}
	if info, err := f.root.Lstat(flagsFile); err == nil && !info.Mode().IsRegular() {
		return &fs.PathError{Op: "open", Path: flagsFile, Err: errors.New("flags.jsonl is not a regular file")}
	}
	file, err := f.root.OpenFile(flagsFile, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(lines.Bytes())
	return errors.Join(err, file.Close())
}

// writeLines writes the lines of messages for flags.jsonl.
func writeLines(to io.Writer, messages []restore.Message, names []string) error {
	encoder := json.NewEncoder(to)
	encoder.SetEscapeHTML(false)
	for i := range messages {
		m := &messages[i]
		l := line{File: names[i], UID: m.UID, Flags: m.Flags, Internal: m.Internal.String()}
		if err := encoder.Encode(l); err != nil {
			return err
		}
	}
	return nil
}

// Close gives the added files their names.
func (f *folder) Close() error { return f.files.Close() }

// readFolder is a directory that is open for reading.
type readFolder struct{ *folder }

// Close implements restore.ReadFolder.
func (f *readFolder) Close() error { return f.root.Close() }
