package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/mailstrata/mailstrata/mail"
)

// CheckApart returns an error if two mailboxes would share a directory below at. dirs are their
// directories. It makes nothing.
func CheckApart(at string, mailboxes []mail.Mailbox, dirs []string) error {
	owners := make(map[string]int)
	spelled := make(map[string]string) // every directory and its parents, by their names in lower case
	var alike []string
	for i, dir := range dirs {
		if other, ok := owners[dir]; ok {
			return fmt.Errorf("the mailboxes %q and %q would share the directory %s: restore one of them elsewhere",
				mailboxes[other].Raw, mailboxes[i].Raw, filepath.Join(at, filepath.FromSlash(dir)))
		}
		owners[dir] = i
		for ; dir != "."; dir = path.Dir(dir) {
			lower := strings.ToLower(dir)
			if other, ok := spelled[lower]; ok && other != dir {
				alike = []string{other, dir}
			}
			spelled[lower] = dir
		}
	}
	if alike == nil {
		return nil
	}
	ignored, err := ignoresCase(at)
	if err == nil && ignored {
		err = fmt.Errorf("the directories %q and %q are the same on the file system of %s, which ignores case: "+
			"restore one of them elsewhere", alike[0], alike[1], at)
	}
	return err
}

// ignoresCase reports whether the file system of a path ignores the case of names. The path need
// not exist yet.
func ignoresCase(at string) (bool, error) {
	for {
		_, err := os.Stat(at)
		parent := filepath.Dir(at)
		if !errors.Is(err, fs.ErrNotExist) || parent == at {
			break
		}
		at = parent
	}
	probe, err := os.MkdirTemp(at, ".mailstrata-CASE-")
	if err != nil {
		return false, Explain(at, err)
	}
	defer os.Remove(probe)
	_, err = os.Lstat(filepath.Join(at, strings.ToLower(filepath.Base(probe))))
	return err == nil, nil
}
