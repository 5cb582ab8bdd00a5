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

// foreignFiles are the messages of a folder that another program wrote: a mail server, or a program
// that fetches mail. Their names are not reliable, so they are recognized by all their bytes: those
// of the file, or with CRLF for each bare LF, because most programs store CRLF as LF. matchSimilar
// finds messages that are the same to a reader and have other bytes.
type foreignFiles struct {
	names  []string // sub/name
	hashes []foreignHash
	used   []bool      // by name: matched with a wanted message
	like   *similarity // nil until MissingSimilar needs it
}

// foreignHash is the hash of a file in one form.
type foreignHash struct {
	hash chunk.Prefix
	file uint32
	form form
}

// form is a form in which a file is hashed.
type form uint8

const (
	asIs form = iota
	withCRLF
	withoutNUL // and with CRLF
	forms
)

func (h foreignHash) compare(hash chunk.Prefix) int { return bytes.Compare(h.hash[:], hash[:]) }

// readForeign reads all messages of a folder that mailstrata did not write. Without a hasher it
// only lists them.
func readForeign(ctx context.Context, root *os.Root, hasher func() *chunk.Hasher) (*foreignFiles, error) {
	s := &foreignFiles{}
	err := eachFile(ctx, root, func(file string) {
		if _, _, ours := parseFileName(path.Base(file)); !ours {
			s.names = append(s.names, file)
		}
	})
	if err != nil {
		return nil, err
	}
	s.used = make([]bool, len(s.names))
	if hasher == nil {
		return s, nil
	}
	found := make([][]foreignHash, len(s.names))
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
	slices.SortStableFunc(s.hashes, func(a, b foreignHash) int { return a.compare(b.hash) })
	return s, nil
}

// eachFile calls take with the messages in cur and new, as sub/name.
func eachFile(ctx context.Context, root *os.Root, take func(file string)) error {
	for _, sub := range []string{"cur", "new"} {
		if err := eachFileIn(ctx, root, sub, take); err != nil {
			return err
		}
	}
	return nil
}

// eachFileIn is eachFile for one of them. Files whose names begin with a dot are not messages.
func eachFileIn(ctx context.Context, root *os.Root, sub string, take func(file string)) error {
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
				take(path.Join(sub, entry.Name()))
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

// hashFile returns the hashes of a file in each form, or none if another program has moved or
// removed it.
func hashFile(root *os.Root, name string, number uint32, hasher func() *chunk.Hasher) ([]foreignHash, error) {
	file, err := root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("compare with the existing mail: %w", err)
	}
	defer file.Close()
	var reading [forms]formWriter
	for f := range reading {
		reading[f] = formWriter{form: form(f), to: hasher()}
	}
	if _, err := io.Copy(io.MultiWriter(&reading[asIs], &reading[withCRLF], &reading[withoutNUL]), file); err != nil {
		return nil, fmt.Errorf("compare with the existing mail: %w", err)
	}
	var found []foreignHash
	for f := range reading {
		if w := &reading[f]; w.form == asIs || w.changed {
			found = append(found, foreignHash{hash: w.to.Sum().Prefix(), file: number, form: w.form})
		}
	}
	return found, nil
}

// formWriter hashes the bytes of a file in one form.
type formWriter struct {
	form    form
	to      *chunk.Hasher
	cr      bool // the last byte was a CR
	changed bool // by what this form does in addition to the one before
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

// match returns a file that has the message with this hash and was not matched before, or ok false.
func (f *foreignFiles) match(hash chunk.Prefix) (name string, ok bool) {
	first, _ := slices.BinarySearchFunc(f.hashes, hash, foreignHash.compare)
	for form := range forms {
		for i := first; i < len(f.hashes) && f.hashes[i].hash == hash; i++ {
			if h := f.hashes[i]; h.form == form && !f.used[h.file] {
				f.used[h.file] = true
				return f.names[h.file], true
			}
		}
	}
	return "", false
}

// unmatched yields the files that were not matched.
func (f *foreignFiles) unmatched(yield func(name string) bool) {
	for i, name := range f.names {
		if !f.used[i] && !yield(name) {
			return
		}
	}
}
