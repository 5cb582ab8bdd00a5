package local

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Rewrite replaces a file that its user keeps, as Replace does. The file keeps its mode and, as far
// as this process may, its owner. If path is a symbolic link, Rewrite replaces the file that it
// leads to, and the link stays. A new file can be read by its owner only.
func Rewrite(path string, text []byte) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	before, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Replace(path, text)
	}
	if err != nil {
		return Fail("write", path, err)
	}
	r, err := NewReplacement(path)
	if err != nil {
		return err
	}
	keepOwner(r.File.File, before) // before the mode, which a change of the owner may reset
	err = r.Chmod(before.Mode().Perm())
	if err == nil {
		_, err = r.Write(text)
	}
	if err != nil {
		r.Discard()
		return Fail("write", path, err)
	}
	return r.Commit()
}
