// Package tree makes the directories that mail is restored into, below one directory and never outside it.
//
// All goes through an os.Root, which no name and no symbolic link leads out of. Links that stay inside are not followed
// either: through one, the mail of two mailboxes could fall together.
package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/mailstrata/mailstrata/internal/wholefile"
)

// Mail is for its owner.
const (
	dirMode  = 0o700
	fileMode = 0o600
)

// Tree is a directory that is filled by a restore. Directories are made by one goroutine; files may be put into them by
// several.
type Tree struct {
	path   string
	root   *os.Root
	syncer *wholefile.Syncer
	known  map[string]bool // directories that Mkdir has made or found
	made   []string        // files made, and directories in which something was made, since the last Sync
}

// Open opens a directory, and makes it where there is none.
func Open(path string) (*Tree, error) {
	if err := os.MkdirAll(path, dirMode); err != nil {
		return nil, wholefile.Explain(path, err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, wholefile.Explain(path, err)
	}
	syncer, err := wholefile.NewSyncer(root)
	if err != nil {
		root.Close()
		return nil, wholefile.Explain(path, err)
	}
	return &Tree{path: path, root: root, syncer: syncer, known: make(map[string]bool)}, nil
}

// Root gives access to what is in the tree.
func (t *Tree) Root() *os.Root { return t.root }

// Path is where a directory of the tree is.
func (t *Tree) Path(dir string) string { return filepath.Join(t.path, filepath.FromSlash(dir)) }

// Dir inverts Path.
func (t *Tree) Dir(at string) (string, error) {
	dir, err := filepath.Rel(t.path, at)
	if err != nil || !filepath.IsLocal(dir) {
		return "", fmt.Errorf("%s is not in %s", at, t.path)
	}
	return filepath.ToSlash(dir), nil
}

// Close ends the use of the tree, and makes durable whatever is not yet.
func (t *Tree) Close() error {
	return errors.Join(t.Sync(), t.explain(".", t.syncer.Close()), t.root.Close())
}

// Mkdir makes a directory and those above it, where they are not there.
func (t *Tree) Mkdir(dir string) error {
	if dir == "." || t.known[dir] {
		return nil
	}
	if err := t.Mkdir(path.Dir(dir)); err != nil {
		return err
	}
	err := t.root.Mkdir(dir, dirMode)
	if errors.Is(err, fs.ErrExist) {
		err = t.checkOne(dir)
	} else {
		t.note(path.Dir(dir))
	}
	t.known[dir] = err == nil
	return t.explain(dir, err)
}

// Mkfile makes a small file, where it is not there.
func (t *Tree) Mkfile(name, text string) error {
	file, err := t.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err == nil {
		_, err = file.WriteString(text)
		err = errors.Join(err, file.Close())
	}
	t.note(path.Dir(name), name)
	return t.explain(path.Dir(name), err)
}

func (t *Tree) note(changed ...string) { t.made = append(t.made, changed...) }

// Sync makes durable what was made.
func (t *Tree) Sync() error {
	made := t.made
	t.made = nil
	if len(made) == 0 {
		return nil
	}
	err := t.syncer.Sync()
	if errors.Is(err, errors.ErrUnsupported) {
		err = nil
		for _, dir := range made {
			err = errors.Join(err, wholefile.SyncDir(t.root, dir))
		}
	}
	return t.explain(".", err)
}

// Settle makes durable what was put into the tree, with its names, before something else is removed.
func (t *Tree) Settle() error {
	err := t.syncer.Sync()
	if errors.Is(err, errors.ErrUnsupported) {
		err = nil // there each name was made durable when it was given
	}
	return errors.Join(t.explain(".", err), t.Sync())
}

// Check makes sure that each of the directories, and all above it, is one, and no link.
func (t *Tree) Check(dirs ...string) error {
	for _, dir := range dirs {
		for ; dir != "."; dir = path.Dir(dir) {
			if err := t.checkOne(dir); err != nil {
				return t.explain(dir, err)
			}
		}
	}
	return nil
}

func (t *Tree) checkOne(dir string) error {
	info, err := t.root.Lstat(dir)
	switch {
	case err != nil:
		return err
	case info.Mode()&fs.ModeSymlink != 0:
		return errors.New("this is a symbolic link, and mail is not written through one")
	case !info.IsDir():
		return errors.New("something else is there, which is no directory")
	}
	return nil
}

// Files opens a directory of the tree to put files into its directory to; until they have their names they wait in temp.
func (t *Tree) Files(dir, temp, to string) (*wholefile.Dir, *os.Root, error) {
	if err := t.Check(path.Join(dir, temp), path.Join(dir, to)); err != nil {
		return nil, nil, err
	}
	root, err := t.root.OpenRoot(dir)
	if err != nil {
		return nil, nil, t.explain(dir, err)
	}
	files, err := wholefile.Open(root, t.Path(dir), temp, to, t.syncer)
	if err != nil {
		root.Close()
		return nil, nil, err
	}
	files.RemoveStale()
	return files, root, nil
}

func (t *Tree) explain(dir string, err error) error { return wholefile.Explain(t.Path(dir), err) }
