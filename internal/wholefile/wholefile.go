// Package wholefile puts files into directories, whole or not at all, durable and yet fast.
//
// A file is written under a temporary name. When enough of them wait, they are made durable together, by one syncfs(2)
// where the system has it, and only then get their names, by a renameat2(2) that replaces nothing, or by link(2). So a name
// never stands for a file that a power failure could empty. While one such batch is made durable the next is being written.
//
//	Create, Write …, Keep    a file waits under its temporary name
//	commit                   sync all that wait; give each its name; the names are synced at the end
//
// An fsync for each file would take several times as long as all the rest of a restore.
package wholefile

import (
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

// A batch is committed when it has so many files, or bytes.
const (
	batchFiles = 1000
	batchBytes = 64 << 20
)

// staleAfter is the age at which a temporary file belongs to no run any more: when mail servers remove them, too.
const staleAfter = 36 * time.Hour

// tempSuffix marks temporary files as ours.
const tempSuffix = ".unfinished"

// Dir is a directory that files are put into. It serves one goroutine.
type Dir struct {
	root    *os.Root
	path    string   // of root, for errors
	temp    string   // where in root files wait: a directory, "." for root itself
	to      string   // where in root they get their names
	temps   *os.Root // temp, opened: a path of two steps costs twice the calls, for each file
	renamer *renamer
	syncer  *Syncer
	token   string // tells this run's temporary files from another's
	serial  int
	buffer  []byte
	waiting []waiting
	bytes   int64
	flight  chan error // the commit under way; nil: none
	named   bool       // names were given that are not known to be durable
	failed  error      // why nothing can be added any more
}

// waiting is a file that has no name yet: what it is called in temp, and what it will be called in to.
type waiting struct{ temp, name string }

// Open prepares to put files into the directory to of root. They wait in the directory temp, of the same file system.
// The path is that of root, for errors. Close closes root; an error leaves it open.
func Open(root *os.Root, path, temp, to string, syncer *Syncer) (*Dir, error) {
	temps, err := root.OpenRoot(temp)
	if err != nil {
		return nil, Explain(path, err)
	}
	renamer, err := newRenamer(root, temp, to)
	if err != nil {
		return nil, errors.Join(Explain(path, err), temps.Close())
	}
	var random [6]byte
	_, _ = rand.Read(random[:]) // never fails
	return &Dir{root: root, path: path, temp: temp, to: to, temps: temps, renamer: renamer, syncer: syncer,
		token: hex.EncodeToString(random[:]), buffer: make([]byte, 0, 256<<10)}, nil
}

// Create begins a file. There is one at a time.
func (d *Dir) Create() *File {
	d.serial++
	// A dot keeps what waits out of the way of programs that look for messages.
	return &File{dir: d, temp: fmt.Sprintf(".%s-%d%s", d.token, d.serial, tempSuffix), buffer: d.buffer[:0]}
}

// add has a finished file wait for its name.
func (d *Dir) add(w waiting, size int64) error {
	d.waiting = append(d.waiting, w)
	d.bytes += size
	if len(d.waiting) < batchFiles && d.bytes < batchBytes {
		return nil
	}
	if err := d.land(); err != nil {
		return err
	}
	batch := d.waiting
	d.waiting, d.bytes, d.named = nil, 0, true
	d.flight = make(chan error, 1)
	go func() { d.flight <- d.commit(batch) }()
	return nil
}

// land waits for the commit under way.
func (d *Dir) land() error {
	if d.flight != nil {
		d.failed = <-d.flight
		d.flight = nil
	}
	return d.failed
}

// commit makes files durable and gives them their names. What cannot get its name is removed.
func (d *Dir) commit(batch []waiting) error {
	err := d.syncer.files(d.temps, batch)
	for _, w := range batch {
		if err == nil {
			err = d.name(w)
		}
		if err != nil {
			_ = d.temps.Remove(w.temp)
		}
	}
	return d.explain(err)
}

// name gives a file its name. A name that is there already stands for the same file, put there by another run.
func (d *Dir) name(w waiting) error {
	err := d.renamer.rename(w)
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
// durable then, and their names when the Syncer is closed: a name that is lost before is given again by another run.
func (d *Dir) Close() error {
	err := d.land()
	if len(d.waiting) > 0 {
		err = errors.Join(err, d.commit(d.waiting))
		d.waiting, d.named = nil, true
	}
	if d.named {
		err = errors.Join(err, d.explain(d.syncer.names(d.root, d.to)))
	}
	return errors.Join(err, d.renamer.close(), d.temps.Close(), d.root.Close())
}

// RemoveStale removes what runs that crashed long ago left behind.
func (d *Dir) RemoveStale() {
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
