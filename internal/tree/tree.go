package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Only the owner can read the mail.
const (
	dirMode  = 0o700
	fileMode = 0o600
)

// Tree is a directory that a restore fills. One goroutine makes directories; several may write
// files.
type Tree struct {
	path   string
	root   *os.Root
	syncer *syncer
	known  map[string]bool // directories that Mkdir has made or found
	made   []string        // files, and directories in which something was made, since the last Sync
}

// Open opens a directory. It makes the directory if it does not exist.
func Open(path string) (*Tree, error) {
	if err := os.MkdirAll(path, dirMode); err != nil {
		return nil, Explain(path, err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, Explain(path, err)
	}
	syncer, err := newSyncer(root)
	if err != nil {
		root.Close()
		return nil, Explain(path, err)
	}
	return &Tree{path: path, root: root, syncer: syncer, known: make(map[string]bool)}, nil
}

// Root returns the root of the tree. Tree.Close closes it.
func (t *Tree) Root() *os.Root { return t.root }

// Path returns the path of a directory of the tree.
func (t *Tree) Path(dir string) string { return filepath.Join(t.path, filepath.FromSlash(dir)) }

// Rel inverts Path. It returns an error for a path outside the tree.
func (t *Tree) Rel(at string) (string, error) {
	dir, err := filepath.Rel(t.path, at)
	if err != nil || !filepath.IsLocal(dir) {
		return "", fmt.Errorf("%s is not in %s", at, t.path)
	}
	return filepath.ToSlash(dir), nil
}

// Close makes everything durable and closes the tree.
func (t *Tree) Close() error {
	return errors.Join(t.Sync(), t.wrap(".", t.syncer.Close()), t.root.Close())
}

// Mkdir makes a directory and its parents if they do not exist.
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
	return t.wrap(dir, err)
}

// Mkfile makes a small file if it does not exist.
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
	return t.wrap(path.Dir(name), err)
}

func (t *Tree) note(changed ...string) { t.made = append(t.made, changed...) }

// Sync makes durable what Mkdir and Mkfile made. Close calls it. On Linux the first batch of files
// has made everything durable before. Elsewhere a loss of power can take new directories until
// then; another restore makes them.
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
			err = errors.Join(err, syncDir(t.root, dir))
		}
	}
	return t.wrap(".", err)
}

// Settle makes all files and their names durable, so that others can be removed.
func (t *Tree) Settle() error {
	err := t.syncer.Sync()
	if errors.Is(err, errors.ErrUnsupported) {
		err = nil // then each name was made durable when it was given
	}
	return errors.Join(t.wrap(".", err), t.Sync())
}

// Check returns an error unless each of dirs, and each of their parents in the tree, is a directory
// and not a link.
func (t *Tree) Check(dirs ...string) error {
	for _, dir := range dirs {
		for ; dir != "."; dir = path.Dir(dir) {
			if err := t.checkOne(dir); err != nil {
				return t.wrap(dir, err)
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
		return errors.New("it is a symbolic link, and mailstrata writes no mail through links")
	case !info.IsDir():
		return errors.New("it exists and is not a directory")
	}
	return nil
}

// Files opens a directory of the tree for files, which get their names in its subdirectory to and
// wait for them in its subdirectory temp.
func (t *Tree) Files(dir, temp, to string) (*Dir, *os.Root, error) {
	if err := t.Check(path.Join(dir, temp), path.Join(dir, to)); err != nil {
		return nil, nil, err
	}
	root, err := t.root.OpenRoot(dir)
	if err != nil {
		return nil, nil, t.wrap(dir, err)
	}
	files, err := openDir(root, t.Path(dir), temp, to, t.syncer)
	if err != nil {
		root.Close()
		return nil, nil, err
	}
	files.removeStale()
	return files, root, nil
}

func (t *Tree) wrap(dir string, err error) error { return Explain(t.Path(dir), err) }
