package attachment

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/internal/safename"
)

// Dir is a directory into which attachments are written. Nothing outside of it is touched, whatever
// their names are.
type Dir struct {
	path string
	root *os.Root
}

// OpenDir opens a directory, or makes it.
func OpenDir(dir string) (*Dir, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, local.Fail("make the directory", dir, err)
	}
	root, err := os.OpenRoot(dir)
	return &Dir{dir, root}, local.Fail("open the directory", dir, err)
}

// Close closes the directory.
func (d *Dir) Close() error { return d.root.Close() }

// maxSameName bounds how many files can have one name, but for a number.
const maxSameName = 10_000

// Write writes an attachment of a message of c under a name that is free, with the date of the
// message. If a file of its name has the same content, it writes nothing, and fresh is false.
func (d *Dir) Write(
	ctx context.Context, c *archive.Contents, a *Attachment, date *time.Time,
) (name string, fresh bool, err error) {
	temporary, err := d.temporary(ctx, c, a)
	if err != nil {
		return "", false, err
	}
	defer func() { _ = d.root.Remove(temporary) }()
	base := fileName(a.Name, a.Type)
	ext := path.Ext(base)
	for n := 1; n <= maxSameName; n++ {
		name := base
		if n > 1 {
			name = fmt.Sprintf("%s (%d)%s", strings.TrimSuffix(base, ext), n, ext)
		}
		err := d.link(temporary, name)
		if err == nil {
			if date != nil {
				_ = d.root.Chtimes(name, *date, *date)
			}
			return filepath.Join(d.path, name), true, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", false, local.Fail("write", filepath.Join(d.path, name), err)
		}
		if same, err := d.same(temporary, name); same || err != nil {
			return filepath.Join(d.path, name), false, err
		}
	}
	return "", false, local.Fail("write", filepath.Join(d.path, base), errors.New("too many files have this name"))
}

// link gives a file another name, unless there is a file of that name. A file system without hard
// links may replace a file that another program makes at the same moment.
func (d *Dir) link(from, to string) error {
	err := d.root.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, missing := d.root.Lstat(to); !errors.Is(missing, fs.ErrNotExist) {
		return fs.ErrExist
	}
	return d.root.Rename(from, to)
}

// temporary writes the content under a name that is removed later.
func (d *Dir) temporary(ctx context.Context, c *archive.Contents, a *Attachment) (name string, err error) {
	name = ".mailstrata-" + a.ID.String()[:16]
	_ = d.root.Remove(name) // of a run that was killed
	f, err := d.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", local.Fail("write", filepath.Join(d.path, name), err)
	}
	err = a.WriteTo(ctx, c, local.File{File: f})
	if closed := f.Close(); err == nil {
		err = local.Fail("write", filepath.Join(d.path, name), closed)
	}
	if err != nil {
		_ = d.root.Remove(name)
	}
	return name, err
}

// same reports whether two files have the same content.
func (d *Dir) same(one, other string) (bool, error) {
	a, err := d.root.Open(one)
	if err != nil {
		return false, local.Fail("read", filepath.Join(d.path, one), err)
	}
	defer a.Close()
	info, err := d.root.Lstat(other)
	if err != nil || !info.Mode().IsRegular() {
		return false, nil
	}
	b, err := d.root.Open(other)
	if err != nil {
		return false, nil // it cannot be the same
	}
	defer b.Close()
	bufA, bufB := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, errA := io.ReadFull(a, bufA)
		m, errB := io.ReadFull(b, bufB)
		if !bytes.Equal(bufA[:n], bufB[:m]) {
			return false, nil
		}
		if errA != nil || errB != nil {
			return errA == errB, nil
		}
	}
}

// maxName is the length of the longest name of a file, in bytes, with room for a number.
const maxName = 200

// fileName returns a name for the file of an attachment, which is valid on every file system:
// without directories, control characters and what a shell or a file manager could misread.
func fileName(name, mediaType string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	var b strings.Builder
	for _, r := range name {
		if r == utf8.RuneError || unicode.In(r, unicode.C) || strings.ContainsRune(`:*?"<>|`, r) {
			r = '_'
		}
		if unicode.IsSpace(r) {
			r = ' '
		}
		b.WriteRune(r)
	}
	name = strings.Trim(b.String(), " .")
	name = strings.TrimLeft(name, "-~")
	if name == "" {
		name = "attachment"
		if all, err := mime.ExtensionsByType(mediaType); err == nil && len(all) > 0 {
			name += all[0]
		}
	}
	if safename.IsDevice(strings.ToLower(name)) {
		name = "_" + name
	}
	ext := path.Ext(name)
	if len(ext) > 20 {
		ext = ""
	}
	stem := strings.TrimSuffix(name, ext)
	for len(stem)+len(ext) > maxName {
		_, size := utf8.DecodeLastRuneInString(stem)
		stem = stem[:len(stem)-size]
	}
	return strings.TrimRight(stem, " .") + ext
}
