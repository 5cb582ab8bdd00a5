package eml

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"

	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/internal/tree"
	"github.com/mailstrata/mailstrata/internal/zipstream"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// Archive is one file with the messages of an account as .eml files. It is written as a stream, so
// that it needs no space beside its own, and has its name only when it is complete.
type Archive struct {
	path string
	pack func(io.Writer) packer

	mu   sync.Mutex // one message is written at a time
	file *local.Partial
	to   packer // into file
}

var (
	_ restore.Target    = (*Archive)(nil)
	_ restore.Unordered = (*Archive)(nil)
	_ restore.Committer = (*Archive)(nil)
)

// packer writes files into one file.
type packer interface {
	// add adds a file of size bytes, which write writes.
	add(name string, size int64, modified time.Time, write func(io.Writer) error) error
	mkdir(name string) error
	Close() error
}

// NewZIP returns a Target that is a ZIP file. It does not access the disk.
func NewZIP(path string) *Archive {
	return &Archive{path: path, pack: func(w io.Writer) packer { return zipPacker{zipstream.NewWriter(w)} }}
}

// NewTar returns a Target that is a tar file, compressed by gzip if its name ends in .gz or .tgz.
// It does not access the disk.
func NewTar(path string) *Archive {
	lower := strings.ToLower(path)
	compressed := strings.HasSuffix(lower, ".gz") || strings.HasSuffix(lower, ".tgz")
	return &Archive{path: path, pack: func(w io.Writer) packer {
		if !compressed {
			return tarPacker{Writer: tar.NewWriter(w)}
		}
		zipped, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // the level is valid
		return tarPacker{tar.NewWriter(zipped), zipped}
	}}
}

// Parallel implements restore.Target.
func (*Archive) Parallel() int { return 1 }

// Unordered implements restore.Unordered. The names of the files have the order of the messages.
func (*Archive) Unordered() bool { return true }

// Prepare implements restore.Target. It begins the file with the directories of the mailboxes.
func (a *Archive) Prepare(_ context.Context, mailboxes []mail.Mailbox) ([]restore.Place, []string, error) {
	wanted := directories(mailboxes)
	dirs := apart(wanted)
	if err := tree.CheckApart(filepath.Dir(a.path), mailboxes, dirs); err != nil {
		return nil, nil, err
	}
	file, err := local.NewPartial(a.path)
	if err != nil {
		return nil, nil, err
	}
	a.file, a.to = file, a.pack(file)
	places := make([]restore.Place, len(mailboxes))
	var notes []string
	for i := range mailboxes {
		places[i] = restore.Place{Mailbox: mailboxes[i].Name, Name: dirs[i], Skip: !mailboxes[i].Selectable()}
		if err := a.to.mkdir(dirs[i]); err != nil {
			return nil, nil, a.named(err)
		}
		if dirs[i] != wanted[i] {
			notes = append(notes, fmt.Sprintf("mailbox %q is in the directory %q: another differs in case alone",
				mailboxes[i].Name, dirs[i]))
		}
	}
	return places, notes, nil
}

// named returns an error that names the file. Errors of this host do.
func (a *Archive) named(err error) error {
	if err == nil || local.Is(err) {
		return err
	}
	return fmt.Errorf("%s: %w", a.path, err)
}

// Open implements restore.Target.
func (a *Archive) Open(_ context.Context, place restore.Place) (restore.Folder, error) {
	f := &packed{archive: a, dir: place.Name}
	f.compressor, _ = flate.NewWriter(&f.compressed, flate.BestSpeed) // the level is valid
	return f, nil
}

// Commit implements restore.Committer.
func (a *Archive) Commit() error {
	if err := a.to.Close(); err != nil {
		return err
	}
	return a.file.Commit()
}

// Close implements restore.Target. Without Commit, it removes the file.
func (a *Archive) Close() error {
	if a.file != nil {
		a.file.Discard()
	}
	return nil
}

// packed is the directory of a mailbox in an Archive. Its flags.jsonl waits in memory, compressed:
// some 40 bytes of a message.
type packed struct {
	archive    *Archive
	dir        string
	lines      int64
	compressed bytes.Buffer
	compressor *flate.Writer
}

// Missing implements restore.Folder.
func (*packed) Missing(_ context.Context, wanted []restore.Message) ([]int, error) {
	all := make([]int, len(wanted))
	for i := range all {
		all[i] = i
	}
	return all, nil
}

// BatchSize implements restore.Folder.
func (*packed) BatchSize() (int, int64) { return 1000, 64 << 20 }

// Append implements restore.Folder. A message is verified before the first byte of it is written,
// because it could not be taken back.
func (f *packed) Append(ctx context.Context, messages []restore.Message) ([]restore.AppendResult, error) {
	f.archive.mu.Lock()
	defer f.archive.mu.Unlock()
	var results []restore.AppendResult
	for i := range messages {
		m := &messages[i]
		if err := m.Body.Verify(ctx); err != nil {
			if ctx.Err() != nil {
				return results, ctx.Err()
			}
			results = append(results, restore.AppendResult{Refused: err})
			continue
		}
		name := fileName(ctx, m)
		var line bytes.Buffer
		if err := writeLines(&line, messages[i:i+1], []string{name}); err != nil {
			return results, err
		}
		if _, err := f.compressor.Write(line.Bytes()); err != nil {
			return results, err
		}
		f.lines += int64(line.Len())
		err := f.archive.to.add(path.Join(f.dir, name), m.Size, time.Unix(m.Internal.Seconds, 0), func(w io.Writer) error {
			return m.Body.WriteTo(ctx, w)
		})
		if err != nil {
			return results, f.archive.named(err)
		}
		results = append(results, restore.AppendResult{Added: true})
	}
	return results, nil
}

// Close implements restore.Folder. It writes flags.jsonl.
func (f *packed) Close() error {
	if f.lines == 0 {
		return nil
	}
	f.archive.mu.Lock()
	defer f.archive.mu.Unlock()
	if err := f.compressor.Close(); err != nil {
		return err
	}
	return f.archive.to.add(path.Join(f.dir, flagsFile), f.lines, time.Now(), func(w io.Writer) error {
		_, err := io.Copy(w, flate.NewReader(&f.compressed))
		return err
	})
}

// zipPacker writes a ZIP file.
type zipPacker struct{ *zipstream.Writer }

func (z zipPacker) add(name string, _ int64, modified time.Time, write func(io.Writer) error) error {
	w, err := z.Create(name, modified)
	if err != nil {
		return err
	}
	return write(w)
}

func (z zipPacker) mkdir(name string) error { return z.Mkdir(name, time.Now()) }

// tarPacker writes a tar file.
type tarPacker struct {
	*tar.Writer
	zipped io.Closer // nil: not compressed
}

func (t tarPacker) add(name string, size int64, modified time.Time, write func(io.Writer) error) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: modified}
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	return write(t.Writer)
}

func (t tarPacker) mkdir(name string) error {
	return t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o700, ModTime: time.Now()})
}

// Close ends the tar file.
func (t tarPacker) Close() error {
	err := t.Writer.Close()
	if t.zipped != nil {
		err = errors.Join(err, t.zipped.Close())
	}
	return err
}
