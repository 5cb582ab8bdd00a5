package maildir

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/internal/tree"
	"github.com/mailstrata/mailstrata/restore"
)

// Extra implements restore.Mirrorer. It returns only folders of mail.
func (t *Target) Extra(ctx context.Context, places []restore.Place) ([]restore.Place, error) {
	taken := map[string]bool{filepath.Clean(t.Dir): true}
	for _, place := range places {
		taken[place.Name] = true
	}
	var extra []restore.Place
	err := filepath.WalkDir(t.Dir, func(at string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		dir, err := filepath.Rel(t.Dir, at)
		switch {
		case err != nil || !entry.IsDir() || dir == ".":
			return err
		case !t.options.Layout.holds(filepath.ToSlash(dir)):
			return filepath.SkipDir
		case !taken[at] && isFolder(at):
			name := strings.Join(t.options.Layout.Decode(filepath.ToSlash(dir)), "/")
			extra = append(extra, restore.Place{Mailbox: name, Name: at})
		}
		return nil
	})
	if err != nil {
		return nil, tree.Explain(t.Dir, err)
	}
	slices.Reverse(extra) // children before their parents
	return extra, nil
}

// holds reports whether a directory can be a folder of the layout or contain folders.
func (l Layout) holds(dir string) bool {
	if l == MaildirPP {
		return strings.HasPrefix(dir, ".") && !strings.Contains(dir, "/")
	}
	return !reserved(path.Base(dir)) && !strings.HasPrefix(path.Base(dir), ".")
}

// isFolder reports whether a directory is a folder of mail: it has cur, new and tmp.
func isFolder(at string) bool {
	for _, sub := range []string{"cur", "new", "tmp"} {
		if info, err := os.Lstat(filepath.Join(at, sub)); err != nil || !info.IsDir() {
			return false
		}
	}
	return true
}

// RemoveEmpty implements restore.Mirrorer. It also removes the files that mail servers keep in a
// folder. A folder with other files stays, and so does a directory in which a message arrives
// meanwhile.
func (t *Target) RemoveEmpty(ctx context.Context, place restore.Place) (removed bool, err error) {
	top, dir, err := t.At(place)
	if err != nil {
		return false, err
	}
	if err := top.Check(dir); err != nil {
		return false, err
	}
	root := top.Root()
	entries, err := fs.ReadDir(root.FS(), dir)
	if err != nil {
		return false, tree.Explain(place.Name, err)
	}
	var notes []string
	below := false
	for _, entry := range entries {
		switch name := entry.Name(); {
		case name == "cur" || name == "new" || name == "tmp":
		case entry.Type().IsRegular() && isServerFile(name):
			notes = append(notes, name)
		case entry.IsDir() && t.options.Layout == Nested:
			below = true // it may be a folder
		default:
			return false, nil
		}
	}
	subs := []string{"new", "cur", "tmp"}
	for i, sub := range subs {
		if root.Remove(path.Join(dir, sub)) == nil {
			continue
		}
		for _, gone := range subs[:i] { // the directory is not empty, so the folder stays complete
			err = errors.Join(err, root.Mkdir(path.Join(dir, gone), 0o700))
		}
		return false, err
	}
	for _, name := range notes {
		if err := root.Remove(path.Join(dir, name)); err != nil {
			return true, tree.Explain(place.Name, err)
		}
	}
	if !below {
		err = root.Remove(dir)
	}
	return true, errors.Join(tree.Explain(place.Name, err), t.options.Layout.unsubscribe(ctx, root, dir))
}

// isServerFile reports whether mail servers keep a file of this name in a folder.
func isServerFile(name string) bool {
	switch name {
	case "maildirfolder", "maildirsize", nameFile:
		return true
	}
	return strings.HasPrefix(name, "dovecot") || strings.HasPrefix(name, "courier")
}
