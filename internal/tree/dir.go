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

// staleAfter is the age at which a temporary file belongs to no run any more: when mail servers remove them, too.
const staleAfter = 36 * time.Hour

// tempSuffix marks temporary files as ours.
const tempSuffix = ".unfinished"

// Dir is a directory that files are put into. It serves one goroutine at a time.
type Dir struct {
	root   *os.Root
	path   string   // of root, for errors
	temp   string   // where in root files wait: a directory, "." for root itself
	to     string   // where in root they get their names
	temps  *os.Root // temp, opened
	dirs   *rawDirs
	syncer *syncer
	token  string // tells this run's temporary files from another's
	serial int
	named  bool  // names were given, or will be, that are not known to be durable
	failed error // why nothing can be added any more; guarded by the syncer
}

// waiting is a file that has no name yet: what it is called in temp, and what it will be called in to.
type waiting struct {
	dir        *Dir
	temp, name string
}

// openDir prepares to put files into the directory to of root. They wait in the directory temp, of the same file
// system. The path is that of root, for errors. Close closes root; an error leaves it open.
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

// Create begins a file. There is one at a time.
func (d *Dir) Create() *File {
	d.serial++
	room := rooms.Get().(*room)
	// A dot keeps what waits out of the way of programs that look for messages.
	return &File{dir: d, temp: fmt.Sprintf(".%s-%d%s", d.token, d.serial, tempSuffix), room: room, buffer: room[:0]}
}

// add has a finished file wait for its name.
func (d *Dir) add(temp, name string, size int64) error {
	d.named = true
	d.syncer.add(waiting{d, temp, name}, size)
	return d.failure()
}

// failure is why nothing can be added any more, if that is so.
func (d *Dir) failure() error {
	d.syncer.mu.Lock()
	defer d.syncer.mu.Unlock()
	return d.failed
}

// settle gives a file its name, if it was made durable. What cannot get its name is removed, and no more get theirs.
func (d *Dir) settle(w waiting, err error) {
	if failed := d.failure(); err == nil && failed == nil {
		if err = d.name(w); err == nil {
			return
		}
	}
	_ = d.temps.Remove(w.temp)
	if err != nil {
		d.syncer.mu.Lock()
		defer d.syncer.mu.Unlock()
		d.failed = cmp.Or(d.failed, d.explain(err))
	}
}

// name gives a file its name. A name that is there already stands for the same file, put there by another run.
func (d *Dir) name(w waiting) error {
	err := d.dirs.rename(w)
	switch {
	case errors.Is(err, fs.ErrExist):
		return d.temps.Remove(w.temp)
	case errors.Is(err, errors.ErrUnsupported):
		return d.link(w)
	}
	return err
}

// link is name for systems that cannot rename without replacing.
func (d *Dir) link(w waiting) error {
	temp, to := path.Join(d.temp, w.temp), path.Join(d.to, w.name)
	err := d.root.Link(temp, to)
	switch {
	case err == nil, errors.Is(err, fs.ErrExist):
		return d.temps.Remove(w.temp)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, errors.ErrUnsupported):
		// Some file systems have no hard links: FAT, many network shares.
		if _, err := d.root.Lstat(to); err == nil {
			return d.temps.Remove(w.temp)
		}
		return d.root.Rename(temp, to)
	}
	return err
}

// Close gives all files that were kept their names. Its error means that some of them may not be there. The files are
// durable then, and their names when the syncer is closed: a name that is lost before is given again by another run.
func (d *Dir) Close() error {
	if d.named {
		d.syncer.settle()
	}
	err := d.failure()
	if d.named {
		err = errors.Join(err, d.explain(d.syncer.names(d.root, d.to)))
	}
	return errors.Join(err, d.dirs.close(), d.temps.Close(), d.root.Close())
}

// removeStale removes what runs that crashed long ago left behind.
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

func (d *Dir) explain(err error) error { return Explain(d.path, err) }

// Explain makes a sentence of an error that was met below the path: the paths in errors of os.Root are relative, and
// often name temporary files. It says what to do.
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
		hint = "; make room and restore again: what is there already is not written twice"
	case errors.Is(cause, syscall.EROFS), errors.Is(cause, fs.ErrPermission):
		hint = "; name a directory that you may write"
	}
	return fmt.Errorf("write to %s: %w%s", path, cause, hint)
}
