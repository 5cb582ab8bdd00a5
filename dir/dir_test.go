package dir_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/dir"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

func create(t *testing.T) (*dir.Dir, string) {
	path := filepath.Join(t.TempDir(), "a", "repository")
	d, err := dir.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	return d, path
}

// A directory is a store by the conformance suite. Only its owner can read it, and nothing
// temporary stays there.
func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		d, path := create(t)
		t.Cleanup(func() { onlyOurs(t, path) })
		return d
	})
}

// A repository can be on a file system without hard links, and on one without renames that replace
// nothing.
func TestWays(t *testing.T) {
	for way := 1; way < dir.PublisherCount; way++ {
		t.Run(fmt.Sprint(way), func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) store.Store {
				d, path := create(t)
				d.SetPublisher(way)
				t.Cleanup(func() { onlyOurs(t, path) })
				return d
			})
		})
	}
}

// Put waits for a name that another process has claimed, and does not replace its file.
func TestClaimed(t *testing.T) {
	d, path := create(t)
	d.SetPublisher(dir.PublisherCount - 1)
	if err := d.Put(t.Context(), "data/a", strings.NewReader("x"), 1); err != nil {
		t.Fatal(err)
	}
	held := filepath.Join(path, "_tmp", "claim-data_b")
	for _, other := range []string{"", "other"} {
		if err := os.WriteFile(held, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() { done <- d.Put(t.Context(), "data/b", strings.NewReader("mine"), 4) }()
		time.Sleep(50 * time.Millisecond)
		if other != "" {
			if err := os.WriteFile(filepath.Join(path, "data", "b"), []byte(other), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Remove(held); err != nil {
			t.Fatal(err)
		}
		if err := <-done; (other != "") != errors.Is(err, store.ErrExist) {
			t.Errorf("Put of a name that was claimed, and then held %q: %v", other, err)
		}
		want := other
		if want == "" {
			want = "mine"
		}
		if got, err := os.ReadFile(filepath.Join(path, "data", "b")); string(got) != want {
			t.Errorf("it holds %q, %v; want %q", got, err, want)
		}
		if err := os.Remove(filepath.Join(path, "data", "b")); err != nil {
			t.Fatal(err)
		}
	}
}

// onlyOurs fails if others may read the objects, or if a temporary file is left.
func onlyOurs(t *testing.T, root string) {
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		if filepath.Base(filepath.Dir(path)) == "_tmp" {
			t.Errorf("left behind: %s", path)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// A repository is made in an empty directory alone, and opened where one is.
func TestOpen(t *testing.T) {
	d, path := create(t)
	if err := d.Put(t.Context(), "config", strings.NewReader("x"), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := dir.Create(path); err == nil {
		t.Error("Create takes a directory that is not empty")
	}
	again, err := dir.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := again.Get(t.Context(), "config", 0, -1); err != nil {
		t.Error(err)
	}
	if _, err := dir.Open(path + "x"); !errors.Is(err, store.ErrNotExist) {
		t.Errorf("Open of nothing: %v, want ErrNotExist", err)
	}
	if _, err := dir.Open(filepath.Join(path, "config")); err == nil {
		t.Error("Open takes a file")
	}
}

// Other files in the directory are not objects, and do no harm.
func TestForeignFiles(t *testing.T) {
	d, path := create(t)
	for _, name := range []string{"README.TXT", ".DS_Store", "lost+found/x", "packs/Thumbs.db", "_tmp/123"} {
		file := filepath.Join(path, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(path, "link")); err != nil {
		t.Fatal(err)
	}
	for o, err := range d.List(t.Context(), "") {
		t.Errorf("listed: %v, %v", o, err)
	}
}

// Files of a crashed run are removed when they are a day old, by the clock of the file system. A
// running run's stay.
func TestStaleFiles(t *testing.T) {
	_, path := create(t)
	stale, fresh := filepath.Join(path, "_tmp", "stale"), filepath.Join(path, "_tmp", "fresh")
	if err := os.MkdirAll(filepath.Dir(stale), 0o700); err != nil {
		t.Fatal(err)
	}
	yesterday := time.Now().Add(-25 * time.Hour)
	for _, file := range []string{stale, fresh} {
		if err := os.WriteFile(file, []byte("half a pa"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(stale, yesterday, yesterday); err != nil {
		t.Fatal(err)
	}
	d, err := dir.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Put(t.Context(), "config", strings.NewReader("x"), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(stale); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the stale file is still there: %v", err)
	}
	if _, err := os.Stat(fresh); err != nil {
		t.Error(err)
	}
}
