package maildir

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/chunk"
)

// strangers are the messages of a folder that another program put there: a mail server, or a program that fetches mail. Their
// names are not reliable, sizes included, so they are known by all their bytes: as the file has them, or with CRLF for each
// bare LF, because most programs store CRLF as LF. Messages that are the same to a reader and have other bytes are found
// last, by resemble.
type strangers struct {
	names  []string // sub/name
	hashes []strangerHash
	used   []bool    // it is the copy of a wanted message
	like   *likeness // nil until Resemble is called
}

// strangerHash is one of the messages that a file can be.
type strangerHash struct {
	hash chunk.Prefix
	file uint32
	form form
}

// form is how a file's bytes are read.
type form uint8

const (
	asIs form = iota
	withCRLF
	withoutNUL // and with CRLF
	forms
)

func (h strangerHash) compare(hash chunk.Prefix) int { return bytes.Compare(h.hash[:], hash[:]) }

// readStrangers reads all files of a folder that are messages and not ours. Without a hasher they are only listed.
func readStrangers(ctx context.Context, root *os.Root, hasher func() *chunk.Hasher) (*strangers, error) {
	s := &strangers{}
	for _, sub := range []string{"cur", "new"} {
		if err := s.list(ctx, root, sub); err != nil {
			return nil, err
		}
	}
	s.used = make([]bool, len(s.names))
	if hasher == nil {
		return s, nil
	}
	found := make([][]strangerHash, len(s.names))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, name := range s.names {
		group.Go(func() (err error) {
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			found[i], err = hashFile(root, name, uint32(i), hasher)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	s.hashes = slices.Concat(found...)
	slices.SortStableFunc(s.hashes, func(a, b strangerHash) int { return a.compare(b.hash) })
	return s, nil
}

// list adds the names of the strangers in cur or new.
func (s *strangers) list(ctx context.Context, root *os.Root, sub string) error {
	return eachFile(ctx, root, sub, func(name string) {
		if _, _, ours := parseFileName(name); !ours {
			s.names = append(s.names, path.Join(sub, name))
		}
	})
}

// eachFile calls take with the names of the messages in cur or new. Files whose names begin with a dot are not messages.
func eachFile(ctx context.Context, root *os.Root, sub string, take func(name string)) error {
	dir, err := root.Open(sub)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	for {
		entries, err := dir.ReadDir(4096)
		for _, entry := range entries {
			if entry.Type().IsRegular() && !strings.HasPrefix(entry.Name(), ".") {
				take(entry.Name())
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
	}
}

// hashFile hashes a file in each form. A file that another program has moved or removed has no hash.
func hashFile(root *os.Root, name string, number uint32, hasher func() *chunk.Hasher) ([]strangerHash, error) {
	file, err := root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("compare with the mail that is there: %w", err)
	}
	defer file.Close()
	var reading [forms]formWriter
	for f := range reading {
		reading[f] = formWriter{form: form(f), to: hasher()}
	}
	if _, err := io.Copy(io.MultiWriter(&reading[asIs], &reading[withCRLF], &reading[withoutNUL]), file); err != nil {
		return nil, fmt.Errorf("compare with the mail that is there: %w", err)
	}
	var found []strangerHash
	for f := range reading {
		if w := &reading[f]; w.form == asIs || w.changed {
			found = append(found, strangerHash{hash: w.to.Sum().Prefix(), file: number, form: w.form})
		}
	}
	return found, nil
}

// formWriter hashes a file's bytes in one form.
type formWriter struct {
	form    form
	to      *chunk.Hasher
	cr      bool // the last byte was one
	changed bool // by what this form does and the one before does not
}

func (w *formWriter) Write(p []byte) (int, error) {
	n := len(p)
	if w.form == asIs {
		return w.to.Write(p)
	}
	if w.form == withoutNUL && bytes.IndexByte(p, 0) >= 0 {
		p = bytes.ReplaceAll(p, []byte{0}, []byte{0x80})
		w.changed = true
	}
	for len(p) > 0 {
		line, rest, ended := bytes.Cut(p, lf)
		w.to.Write(line)
		if len(line) > 0 {
			w.cr = line[len(line)-1] == '\r'
		}
		if ended {
			if !w.cr {
				w.to.Write(cr)
				w.changed = w.changed || w.form == withCRLF
			}
			w.to.Write(lf)
			w.cr = false
		}
		p = rest
	}
	return n, nil
}

// take finds a file that is the message and that it has not found before. Otherwise ok is false.
func (s *strangers) take(hash chunk.Prefix) (name string, ok bool) {
	first, _ := slices.BinarySearchFunc(s.hashes, hash, strangerHash.compare)
	for form := range forms {
		for i := first; i < len(s.hashes) && s.hashes[i].hash == hash; i++ {
			if h := s.hashes[i]; h.form == form && !s.used[h.file] {
				s.used[h.file] = true
				return s.names[h.file], true
			}
		}
	}
	return "", false
}

// left yields the files that take did not find.
func (s *strangers) left(yield func(name string) bool) {
	for i, name := range s.names {
		if !s.used[i] && !yield(name) {
			return
		}
	}
}
