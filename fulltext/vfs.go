package fulltext

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/vfs"

	"github.com/mailstrata/mailstrata/fulltext/pages"
)

// vfsName is the name under which SQLite knows pagesVFS.
const vfsName = "mailstrata-pages"

// registered makes SQLite know it.
var registered = sync.OnceFunc(func() { vfs.Register(vfsName, &opened) })

// opened has the files that SQLite can open.
var opened pagesVFS

// pagesVFS gives SQLite files of pages by number. It opens nothing else: no journal and no
// temporary file, which would have plain text.
type pagesVFS struct {
	files sync.Map // name → *pageFile
	last  atomic.Uint64
}

// add makes a file known, and returns its URI.
func (v *pagesVFS) add(f *pageFile) string {
	registered()
	f.name = strconv.FormatUint(v.last.Add(1), 10)
	v.files.Store(f.name, f)
	return "file:" + f.name + "?vfs=" + vfsName
}

func (v *pagesVFS) Open(name string, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	f, ok := v.files.Load(name)
	if !ok || flags&vfs.OPEN_MAIN_DB == 0 {
		return nil, flags, sqlite3.CANTOPEN
	}
	return f.(*pageFile), flags, nil
}

func (*pagesVFS) Delete(string, bool) error                       { return sqlite3.IOERR_DELETE_NOENT }
func (*pagesVFS) Access(string, vfs.AccessFlag) (bool, error)     { return false, nil }
func (*pagesVFS) FullPathname(name string) (path string, _ error) { return name, nil }

// pageFile is a pages.File as SQLite sees it. SQLite's pages are those of the file.
type pageFile struct {
	*pages.File
	name  string
	fault error // the first error of the File, which SQLite does not pass on
}

func (f *pageFile) fail(err error, code sqlite3.ExtendedErrorCode) error {
	if f.fault == nil {
		f.fault = err
	}
	return code
}

// ReadAt reads a page, or the beginning of one, as SQLite does for its header.
func (f *pageFile) ReadAt(p []byte, off int64) (int, error) {
	page, err := f.Read(uint32(off / pages.PageSize))
	if err == io.EOF {
		return 0, err
	}
	if err != nil {
		return 0, f.fail(err, sqlite3.IOERR_READ)
	}
	n := copy(p, page[off%pages.PageSize:])
	if n < len(p) {
		return n, io.ErrUnexpectedEOF
	}
	return n, nil
}

// WriteAt writes a page.
func (f *pageFile) WriteAt(p []byte, off int64) (int, error) {
	if len(p) != pages.PageSize || off%pages.PageSize != 0 {
		return 0, sqlite3.IOERR_WRITE
	}
	if err := f.Write(uint32(off/pages.PageSize), p); err != nil {
		return 0, f.fail(err, sqlite3.IOERR_WRITE)
	}
	return len(p), nil
}

// Truncate truncates to a size in bytes.
func (f *pageFile) Truncate(size int64) error {
	if err := f.File.Truncate(uint32(size / pages.PageSize)); err != nil {
		return f.fail(err, sqlite3.IOERR_TRUNCATE)
	}
	return nil
}

// Size returns the size in bytes.
func (f *pageFile) Size() (int64, error) { return int64(f.Pages()) * pages.PageSize, nil }

// Close leaves the File open; its database closes it.
func (f *pageFile) Close() error { return nil }

// Sync does nothing: Commit makes durable what a transaction wrote.
func (*pageFile) Sync(vfs.SyncFlag) error                         { return nil }
func (*pageFile) Lock(vfs.LockLevel) error                        { return nil }
func (*pageFile) Unlock(vfs.LockLevel) error                      { return nil }
func (*pageFile) CheckReservedLock() (bool, error)                { return false, nil }
func (*pageFile) SectorSize() int                                 { return pages.PageSize }
func (*pageFile) DeviceCharacteristics() vfs.DeviceCharacteristic { return 0 }

// maxTrunks bounds the walk over SQLite's list of free pages, should it be a circle.
const maxTrunks = 1 << 20

// releaseFree releases the pages that are in SQLite's list of free pages, which SQLite neither
// reads nor writes before it uses them again
// (https://www.sqlite.org/fileformat2.html#the_freelist). A trunk of the list has the number of the
// next one, how many pages it lists, and their numbers.
func (f *pageFile) releaseFree() error {
	first, err := f.Read(0)
	if err != nil {
		return err
	}
	trunk := binary.BigEndian.Uint32(first[32:])
	for range maxTrunks {
		if trunk == 0 {
			return nil
		}
		page, err := f.Read(trunk - 1)
		if err != nil {
			return err
		}
		page = bytes.Clone(page)
		trunk = binary.BigEndian.Uint32(page)
		leaves := page[8:min(8+4*uint64(binary.BigEndian.Uint32(page[4:])), pages.PageSize)]
		for ; len(leaves) > 0; leaves = leaves[4:] {
			if err := f.Release(binary.BigEndian.Uint32(leaves) - 1); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("%w: the list of free pages does not end", ErrDamaged)
}
