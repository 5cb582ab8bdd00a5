package tree

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"time"
)

// staleAfter is the age at which a temporary file is a leftover of a crash. Mail servers use the
// same age.
const staleAfter = 36 * time.Hour

// tempSuffix marks the temporary files of mailstrata.
const tempSuffix = ".unfinished"

// Dir is a directory that takes files. One goroutine at a time may use it.
type Dir struct {
	root   *os.Root
	path   string   // of root, for errors
	temp   string   // the directory in root where files wait, "." for root itself
	to     string   // the directory in root where they get their names
	temps  *os.Root // temp, opened
	dirs   *rawDirs
	syncer *syncer
	token  string // distinguishes the temporary files of this run
	serial int
	added  bool  // files, whose names may not be durable yet
	failed error // why nothing more can be added; guarded by the syncer
}

// waiting is a file that waits for its name in to: open and without any name, or closed and with
// the name temp.
type waiting struct {
	dir        *Dir
	file       *rawFile // nil: it is closed
	temp, name string
}

// openDir opens a Dir for the directories temp and to of root, which are on the same file system.
// path is that of root, for errors. Close closes root; if openDir returns an error, root stays
// open.
func openDir(root *os.Root, path, temp, to string, syncer *syncer) (*Dir, error) {
	temps, err := root.OpenRoot(temp)
	if err != nil {
		return nil, Explain(path, err)
	}
	dirs, err := newRawDirs(root, temp, to)
	if err != nil {
		return nil, errors.Join(Explain(path, err), temps.Close())
	}
	var random [6]byte
	_, _ = rand.Read(random[:]) // never fails
	return &Dir{root: root, path: path, temp: temp, to: to, temps: temps, dirs: dirs, syncer: syncer,
		token: hex.EncodeToString(random[:])}, nil
}

// Create begins a file. Only one file can be open at a time.
func (d *Dir) Create() *File {
	d.serial++
	room := rooms.Get().(*room)
	// Programs that look for messages ignore names that begin with a dot.
	return &File{dir: d, temp: fmt.Sprintf(".%s-%d%s", d.token, d.serial, tempSuffix), room: room, buffer: room[:0]}
}

// create creates a file on disk. d.close closes it.
func (d *Dir) create(temp string) (*rawFile, error) {
	if err := d.failure(); err != nil {
		return nil, err
	}
	stayOpen := d.syncer.open.Add(1) <= d.syncer.maxOpen
	file, err := d.dirs.create(temp, stayOpen)
	if err != nil || !file.isUnnamed() {
		d.syncer.open.Add(-1)
	}
	return file, d.wrap(err)
}

// close closes a file. If it has no name, it is gone then.
func (d *Dir) close(file *rawFile) error {
	if file.isUnnamed() {
		d.syncer.open.Add(-1)
	}
	return d.wrap(file.Close())
}

// add makes a finished file wait for its name.
func (d *Dir) add(w waiting, size int64) error {
	d.added = true
	d.syncer.add(w, size)
	return d.failure()
}

// failure returns why nothing more can be added, or nil.
func (d *Dir) failure() error {
	d.syncer.mu.Lock()
	defer d.syncer.mu.Unlock()
	return d.failed
}

// finish gives a file its name if err, the error of making it durable, is nil. If that fails,
// finish removes the file, and no other file gets a name.
func (d *Dir) finish(w waiting, err error) {
	if err == nil && d.failure() == nil {
		err = d.name(w)
	} else {
		_ = d.remove(w)
	}
	if err != nil {
		d.syncer.mu.Lock()
		defer d.syncer.mu.Unlock()
		d.failed = cmp.Or(d.failed, d.wrap(err))
	}
}

// name gives a file its name, or removes it. An existing file of that name is the same message from
// another run.
func (d *Dir) name(w waiting) error {
	err := d.dirs.rename(w)
	if w.file == nil && errors.Is(err, errors.ErrUnsupported) {
		err = d.link(w)
	}
	switch {
	case err == nil && w.file != nil:
		return d.close(w.file)
	case errors.Is(err, fs.ErrExist):
		return d.remove(w)
	case err != nil:
		_ = d.remove(w)
	}
	return err
}

// remove removes a file that does not get its name.
func (d *Dir) remove(w waiting) error {
	if w.file != nil {
		return d.close(w.file)
	}
	return d.temps.Remove(w.temp)
}

// link is rawDirs.rename, for systems that cannot rename without replacing.
func (d *Dir) link(w waiting) error {
	temp, to := path.Join(d.temp, w.temp), path.Join(d.to, w.name)
	err := d.root.Link(temp, to)
	switch {
	case err == nil:
		return d.temps.Remove(w.temp)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, errors.ErrUnsupported):
		// Some file systems have no hard links: FAT, many network shares.
		if _, err := d.root.Lstat(to); err == nil {
			return fs.ErrExist
		}
		return d.root.Rename(temp, to)
	}
	return err
}

// Close gives all kept files their names. After an error some of them may be missing. The files are
// durable then; their names are durable after the syncer is closed. A name that is lost before is
// given again by another run.
func (d *Dir) Close() error {
	if d.added {
		d.syncer.flush()
	}
	err := d.failure()
	if d.added {
		err = errors.Join(err, d.wrap(d.syncer.names(d.root, d.to)))
	}
	return errors.Join(err, d.dirs.release(), d.temps.Close(), d.root.Close())
}

// removeStale removes the leftovers of crashed runs.
func (d *Dir) removeStale() {
	dir, err := d.temps.Open(".")
	if err != nil {
		return
	}
	defer dir.Close()
	for err == nil {
		var names []string
		names, err = dir.Readdirnames(1000)
		for _, name := range names {
			if strings.HasPrefix(name, ".") && strings.HasSuffix(name, tempSuffix) && d.isStale(name) {
				_ = d.temps.Remove(name)
			}
		}
	}
}

func (d *Dir) isStale(name string) bool {
	info, err := d.temps.Lstat(name)
	return err == nil && info.Mode().IsRegular() && time.Since(changed(info)) > staleAfter
}

func (d *Dir) wrap(err error) error { return Explain(d.path, err) }

// Explain returns err with the path and with what to do. The paths in errors of os.Root are
// relative and often those of temporary files, so it omits them.
func Explain(path string, err error) error {
	if err == nil {
		return nil
	}
	cause := err
	var pathErr *fs.PathError
	var linkErr *os.LinkError
	switch {
	case errors.As(err, &pathErr):
		cause = pathErr.Err
	case errors.As(err, &linkErr):
		cause = linkErr.Err
	}
	hint := ""
	switch {
	case errors.Is(cause, syscall.ENOSPC), errors.Is(cause, syscall.EDQUOT):
		hint = "; make room and restore again: nothing is written twice"
	case errors.Is(cause, syscall.EROFS), errors.Is(cause, fs.ErrPermission):
		hint = "; choose a directory that you can write to"
	}
	return fmt.Errorf("write to %s: %w%s", path, cause, hint)
}
