package dir_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/repo/store"
)

// A directory that was replaced, as when its disk was unmounted, does not mean that objects are
// missing.
func TestAnotherDirectory(t *testing.T) {
	for name, replace := range map[string]func(path string) error{
		"removed":  func(path string) error { return os.Rename(path, path+".away") },
		"replaced": func(path string) error { return errors.Join(os.Rename(path, path+".away"), os.Mkdir(path, 0o700)) },
	} {
		t.Run(name, func(t *testing.T) {
			d, path := create(t)
			if err := d.Put(t.Context(), "data/1", strings.NewReader("x"), 1); err != nil {
				t.Fatal(err)
			}
			if err := replace(path); err != nil {
				t.Fatal(err)
			}
			_, _, err := d.Get(t.Context(), "data/1", 0, -1)
			if err == nil || errors.Is(err, store.ErrNotExist) || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Get: %v, want an error about the directory", err)
			}
			listed := error(nil)
			for _, err := range d.List(t.Context(), "") {
				listed = err
			}
			if listed == nil || errors.Is(listed, store.ErrNotExist) {
				t.Errorf("List: %v, want an error about the directory", listed)
			}
			if err := d.Delete(t.Context(), "data/1"); err == nil {
				t.Error("Delete believes that the object is gone")
			}
		})
	}
}

// An error of the file system about an object is an error of the store, never of a file of this
// host.
func TestErrorsAreTheStores(t *testing.T) {
	d, path := create(t)
	_, _, err := d.Get(t.Context(), "data/none", 0, -1)
	if !errors.Is(err, store.ErrNotExist) || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, want store.ErrNotExist alone", err)
	}
	if os.Geteuid() == 0 {
		return // nothing is refused
	}
	if err := d.Put(t.Context(), "data/1", strings.NewReader("x"), 1); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(path, "data", "1"), 0); err != nil {
		t.Fatal(err)
	}
	_, _, err = d.Get(t.Context(), "data/1", 0, -1)
	if !errors.Is(err, store.ErrPermission) || errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v, want store.ErrPermission alone", err)
	}
}
