package pages

import (
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/mailstrata/mailstrata/internal/local"
)

// File is a directory of pages. It is for one goroutine.
type File struct {
	dir    string
	key    [32]byte
	info   os.FileInfo // of the root, nil if there is none yet
	root   *root
	tables []*table // by number; nil is not read yet
	slots  *slots   // nil until the first write
	sealer *sealer
	data   *os.File
	broken error // why the file cannot be written any more
	dirty  bool
}

const (
	rootName = "root"
	dataName = "pages"
)

// Open opens the pages in a directory, which it creates if there is none, with only its owner's
// rights. Its errors are those of the file system, and ErrDamaged.
func Open(dir string, key [32]byte) (*File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, local.Fail("create", dir, err)
	}
	f := &File{dir: dir, key: key}
	if err := f.Reload(); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// Close closes the file. What was written since the last commit is lost.
func (f *File) Close() error {
	if f.data == nil {
		return nil
	}
	err := f.data.Close()
	f.data = nil
	return local.Fail("close", f.dir, err)
}

// Reload goes back to the root on disk. What was written since the last commit is lost. The
// directory may have been removed and made again.
func (f *File) Reload() error {
	if err := f.Close(); err != nil {
		return err
	}
	path := filepath.Join(f.dir, rootName)
	info, err := os.Stat(path) // before the root is read, so a change in between is seen later
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return local.Fail("read", path, err)
	}
	r, err := readRoot(path, &f.key)
	if err != nil {
		return err
	}
	if r == nil {
		r = &root{}
		_, _ = rand.Read(r.salt[:]) // never fails
		info = nil
	}
	if f.sealer, err = newSealer(r.key(&f.key)); err != nil {
		return err
	}
	if f.data, err = os.OpenFile(filepath.Join(f.dir, dataName), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return local.Fail("open", f.dir, err)
	}
	f.root, f.info, f.tables, f.slots, f.broken, f.dirty = r, info, nil, nil, nil, false
	return nil
}

// Changed reports whether another process has replaced the root since it was read.
func (f *File) Changed() bool {
	info, err := os.Stat(filepath.Join(f.dir, rootName))
	if err != nil || f.info == nil {
		return (err == nil) != (f.info != nil)
	}
	return !os.SameFile(info, f.info) || !info.ModTime().Equal(f.info.ModTime()) || info.Size() != f.info.Size()
}

// Generation counts the commits.
func (f *File) Generation() uint64 { return f.root.generation }

// Pages returns the number of pages.
func (f *File) Pages() uint32 { return f.root.pages }

// Bytes returns the size of the files.
func (f *File) Bytes() (n int64) {
	for _, name := range []string{rootName, dataName} {
		if info, err := os.Stat(filepath.Join(f.dir, name)); err == nil {
			n += info.Size()
		}
	}
	return n
}

// Read reads the page with a number, counted from 0. A page that was never written has zeros. The
// result is valid until the next call of a method.
func (f *File) Read(number uint32) ([]byte, error) {
	if number >= f.root.pages {
		return nil, io.EOF
	}
	t, err := f.table(int(number / perTable))
	if err != nil {
		return nil, err
	}
	e := &t.entries[number%perTable]
	if e.slot == 0 {
		return make([]byte, PageSize), nil
	}
	return f.read(sealedPage, number, e)
}

// read reads and opens a slot.
func (f *File) read(kind byte, number uint32, e *entry) ([]byte, error) {
	_, err := f.data.ReadAt(f.sealer.buffer[:PageSize], int64(e.slot-1)*PageSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, local.Fail("read", f.dir, err)
	}
	page, ok := f.sealer.open(kind, number, e)
	if err != nil || !ok {
		return nil, damaged(f.data.Name(), "slot %d", e.slot)
	}
	return page, nil
}

// Write writes a page of PageSize bytes. The commit that follows makes it durable.
func (f *File) Write(number uint32, page []byte) error {
	if err := f.change(); err != nil {
		return err
	}
	t, err := f.table(int(number / perTable))
	if err != nil {
		return err
	}
	t.changed = true
	f.root.pages = max(f.root.pages, number+1)
	return f.write(sealedPage, number, page, &t.entries[number%perTable])
}

// write seals a page into a free slot.
func (f *File) write(kind byte, number uint32, page []byte, e *entry) error {
	e.slot = f.slots.take(e.slot)
	if _, err := f.data.WriteAt(f.sealer.seal(kind, number, page, e), int64(e.slot-1)*PageSize); err != nil {
		f.broken = local.Fail("write", f.data.Name(), err)
		return f.broken
	}
	return nil
}

// Truncate removes the pages from a number on.
func (f *File) Truncate(pages uint32) error {
	if pages >= f.root.pages {
		return nil
	}
	if err := f.change(); err != nil {
		return err
	}
	for number := pages; number < f.root.pages; number++ {
		if err := f.Release(number); err != nil {
			return err
		}
	}
	f.root.pages = pages
	return nil
}

// Release forgets what is in a page: it reads as zeros until it is written again, and takes no
// room.
func (f *File) Release(number uint32) error {
	if number >= f.root.pages {
		return nil
	}
	if err := f.change(); err != nil {
		return err
	}
	t, err := f.table(int(number / perTable))
	if err != nil {
		return err
	}
	if e := &t.entries[number%perTable]; e.slot != 0 {
		f.slots.release(e.slot)
		*e = entry{}
		t.changed = true
	}
	return nil
}

// change prepares for a change: it reads all tables, to see which slots are free.
func (f *File) change() error {
	f.dirty = true
	if f.slots != nil || f.broken != nil {
		return f.broken
	}
	s := newSlots()
	mark := func(e *entry) error {
		if e.slot != 0 && !s.use(e.slot) {
			return damaged(f.data.Name(), "slot %d is in use twice", e.slot)
		}
		return nil
	}
	for number := range f.root.tables {
		if err := mark(&f.root.tables[number]); err != nil {
			return err
		}
		t, err := f.table(number)
		if err != nil {
			return err
		}
		for i := range t.entries {
			if err := mark(&t.entries[i]); err != nil {
				return err
			}
		}
	}
	f.slots = s
	return nil
}
