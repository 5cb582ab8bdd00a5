package testbed

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/testbed/need"
)

// unpackedTree holds programs of Debian's that are not installed, for a host may have one of its
// IMAP servers only.
type unpackedTree struct {
	dir string
	env []string // in which the programs find the libraries that came with them
}

// unpacked gives the tree that testbed/packages made, copied to where every user may enter: its
// servers change theirs.
func unpacked(t testing.TB) unpackedTree {
	t.Helper()
	return once(t, "unpacked", func(t testing.TB, life lifetime) unpackedTree {
		from := filepath.Join(root(), ".testbed", "debian")
		_, err := os.Stat(from)
		need.That(t, err == nil, "Cyrus and Courier are not unpacked: testbed/packages, on Debian")
		need.That(t, os.Getuid() == 0, "Cyrus and Courier are to be started by root")
		tree := unpackedTree{dir: tempDir(t, life, "debian")}
		var libraries []string
		err = filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			name, err := filepath.Rel(from, path)
			if err != nil || !strings.Contains(name, "lib") && !strings.Contains(name, "bin") {
				return err
			}
			to := filepath.Join(tree.dir, name)
			if dir := filepath.Dir(to); strings.Contains(filepath.Base(name), ".so") &&
				!strings.Contains(strings.Join(libraries, ":")+":", dir+":") {
				libraries = append(libraries, dir)
			}
			return copyEntry(path, to, entry)
		})
		if err != nil {
			t.Fatal(err)
		}
		tree.env = append(os.Environ(), "LD_LIBRARY_PATH="+strings.Join(libraries, ":"))
		return tree
	})
}

// copyEntry copies a file or a symbolic link.
func copyEntry(from, to string, entry fs.DirEntry) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if entry.Type()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o755)
}
