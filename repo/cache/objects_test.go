package cache

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/localseal"
)

// An object is what was kept under the same name and key. Any other file is removed, such as the
// object as it is stored, which earlier programs kept.
func TestObjects(t *testing.T) {
	d, err := Open(t.TempDir(), [16]byte{1}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	key, other := localseal.NewKey("test", format.Secret{1}, nil), localseal.NewKey("test", format.Secret{2}, nil)
	const name, another = "manifests/ab/0-12", "manifests/ab/0-34"
	content := []byte("what a manifest says")
	keep := func() []byte {
		t.Helper()
		d.KeepObject(name, content, key)
		if got, ok := d.Object(name, key); !ok || !bytes.Equal(got, content) {
			t.Fatalf("%q, %v", got, ok)
		}
		file, err := os.ReadFile(d.Path(name))
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	file := keep()
	if bytes.Contains(file, []byte("manifest")) {
		t.Error("it can be read on the disk")
	}
	refused := func(what, name string, file []byte, key *localseal.Key) {
		t.Helper()
		if err := os.WriteFile(d.Path(name), file, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, ok := d.Object(name, key); ok {
			t.Errorf("%s: %q", what, got)
		}
		if _, err := os.Stat(d.Path(name)); !os.IsNotExist(err) {
			t.Errorf("%s: the file is still there: %v", what, err)
		}
	}
	refused("another key", name, file, other)
	refused("no key", name, file, nil)
	refused("another name", another, file, key)
	refused("as it is stored", name, []byte("age-encryption.org/v1\n"), key)
	refused("empty", name, nil, key)
	for i := range file {
		changed := bytes.Clone(file)
		changed[i] ^= 1
		refused("a changed byte", name, changed, key)
	}
	keep()
	d.KeepObject(another, make([]byte, maxObject+1), key)
	d.KeepObject(another, content, nil)
	if files, err := os.ReadDir(filepath.Dir(d.Path(name))); err != nil || len(files) != 1 {
		t.Errorf("what is too large or has no key was kept: %v, %v", files, err)
	}
}
