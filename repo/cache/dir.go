package cache

import (
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"sync"

	"filippo.io/age"

	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/packs"
)

// Dir is a directory of what can be fetched again. Everything in it is checked when it is read, and
// what is missing or damaged is fetched. If the directory disappears during a run, it is made
// again, or a temporary one replaces it.
type Dir struct {
	mu        sync.Mutex
	dir       string
	temporary []string // temporary directories, removed at the end; if there are any, dir is the last one

	// Packs has parts of packs. It is nil if none are kept.
	Packs *packs.Cache
}

// Open makes the directory of a repository under dir, or a temporary one if it cannot. packsSize
// bounds the parts of packs in it; a temporary directory has none.
func Open(dir string, repository [16]byte, packsSize int64) (*Dir, error) {
	d := new(Dir)
	if dir != "" {
		d.dir = filepath.Join(dir, hex.EncodeToString(repository[:]))
		if d.make() == nil {
			_ = os.RemoveAll(d.Sub("objects")) // of programs that kept all small objects in one directory
			d.Packs = packs.OpenCache(d.Sub("packs"), packsSize)
			return d, nil
		}
	}
	if err := d.moveAway(); err != nil {
		return nil, err
	}
	return d, nil
}

// moveAway moves the cache to a temporary directory.
func (d *Dir) moveAway() error {
	dir, err := local.MkdirTemp("mailstrata-")
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.dir, d.temporary = dir, append(d.temporary, dir)
	d.mu.Unlock()
	return d.make()
}

// make makes the missing directories, and a file, because an existing directory may be read-only.
func (d *Dir) make() error {
	for _, dir := range []string{d.objects(), d.Indexes(), d.spools()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return local.Fail("make a cache directory", dir, err)
		}
	}
	f, err := os.CreateTemp(d.spools(), "try-*")
	if err != nil {
		return local.Fail("make a file in", d.spools(), err)
	}
	f.Close()
	return os.Remove(f.Name())
}

// After triesInPlace tries, the others are in a temporary directory.
const (
	triesInPlace = 3
	triesInAll   = 6
)

// Do makes files of the cache. If that fails with an error of this host, Do makes the directories
// again and repeats it, unless the disk is full.
func (d *Dir) Do(what func() error) error {
	for try := 1; ; try++ {
		err := what()
		if !local.Is(err) || local.IsFull(err) || try == triesInAll {
			return err
		}
		if try >= triesInPlace || d.make() != nil {
			if d.moveAway() != nil {
				return err
			}
		}
	}
}

// SpoolFile makes a temporary file for an object. named reports that the open file still has its
// name and must be removed.
func (d *Dir) SpoolFile(pattern string) (file local.File, named bool, err error) {
	err = d.Do(func() error {
		f, err := os.CreateTemp(d.spools(), pattern)
		file = local.File{File: f}
		return local.Fail("make a temporary file in", d.spools(), err)
	})
	if err != nil {
		return local.File{}, false, err
	}
	return file, os.Remove(file.Name()) != nil, nil
}

// Spool returns a spool for an object that is to be put.
func (d *Dir) Spool(recipients []age.Recipient) (*format.Spool, error) {
	file, named, err := d.SpoolFile("spool-*")
	if err != nil {
		return nil, err
	}
	return format.NewSpool(file, named, recipients)
}

// Close removes the temporary directories.
func (d *Dir) Close() (err error) {
	if d == nil {
		return nil
	}
	for _, dir := range d.temporary {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}

// Place returns the present directory, and whether it is a temporary one.
func (d *Dir) Place() (dir string, temporary bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dir, len(d.temporary) > 0
}

// Sub returns the path of a directory in it.
func (d *Dir) Sub(name string) string {
	dir, _ := d.Place()
	return filepath.Join(dir, name)
}

// Indexes returns the directory of the index.
func (d *Dir) Indexes() string { return d.Sub("index") }

// Recovery returns the directory of recovery logs.
func (d *Dir) Recovery() string { return d.Sub("spill") }

func (d *Dir) objects() string { return d.Sub("small") }
func (d *Dir) spools() string  { return d.Sub("spool") }
