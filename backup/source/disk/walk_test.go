package disk

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/mail"
)

// byName is a Folder of a test.
type byName struct {
	fixed
	box mail.Mailbox
}

func (f byName) Mailbox() mail.Mailbox { return f.box }

// walkOf returns a Walk in which each file and each directory except for the first is a folder.
// Those of refused cannot be read.
func walkOf(dir string, refused ...string) *Walk {
	w := &Walk{Path: dir, Levels: func(name string) []string { return strings.Split(strings.ReplaceAll(name, ".sbd", ""), "/") }}
	w.Visit = func(_ context.Context, dir string, entries []fs.DirEntry) (below []fs.DirEntry, err error) {
		if slices.Contains(refused, dir) {
			return nil, &fs.PathError{Op: "openat", Path: dir, Err: fs.ErrPermission}
		}
		for _, e := range entries {
			if e.IsDir() {
				below = append(below, e)
			} else {
				w.Folders = append(w.Folders, byName{box: w.Mailbox(path.Join(dir, e.Name()))})
			}
		}
		return below, nil
	}
	return w
}

func raws(folders []Folder) (list []string) {
	for _, f := range folders {
		list = append(list, f.Mailbox().Raw)
	}
	return list
}

func makeFiles(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		name = filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// A directory that cannot be read keeps what is archived below it, even if a file beside it has its
// name.
func TestUnreadableBesideFile(t *testing.T) {
	dir := t.TempDir()
	makeFiles(t, dir, "Projects", "Projects.sbd/2023", "inbox", "INBOX.sbd/a", "Sent", "lost+found/x")
	w := walkOf(dir)
	if err := w.Run(t.Context()); err != nil || !slices.Equal(raws(w.Folders), []string{"Projects", "Sent", "INBOX", "INBOX/a", "Projects/2023"}) {
		t.Fatal(raws(w.Folders), err)
	}
	var archived []mail.Mailbox
	for _, f := range w.Folders {
		archived = append(archived, f.Mailbox())
	}
	w = walkOf(dir, "Projects.sbd", "INBOX.sbd")
	if err := w.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept := below(w.Folders, archived)
	if have := raws(kept); !slices.Equal(have, []string{"INBOX/a", "Projects/2023"}) {
		t.Errorf("kept: %q", have)
	}
	if _, err := kept[1].List(t.Context()); !errors.Is(err, mail.ErrRefused) || err.Error() != dir+"/Projects.sbd: permission denied" {
		t.Error(err)
	}
}

// What is renamed while the directory is walked is found under its new name.
func TestRenamedMeanwhile(t *testing.T) {
	dir := t.TempDir()
	makeFiles(t, dir, "A/x", "Z/y")
	w := walkOf(dir)
	visit, times := w.Visit, 0
	w.Visit = func(ctx context.Context, name string, entries []fs.DirEntry) ([]fs.DirEntry, error) {
		if times++; times == 1 {
			if err := os.Rename(filepath.Join(dir, "Z"), filepath.Join(dir, "B")); err != nil {
				t.Error(err)
			}
		}
		return visit(ctx, name, entries)
	}
	if err := w.Run(t.Context()); err != nil || !slices.Equal(raws(w.Folders), []string{"A/x", "B/y"}) {
		t.Error(raws(w.Folders), err)
	}
}
