package fulltext

import (
	"errors"
	"testing"
)

// TestMemory shows that running out of memory is an error, after which the database can be opened
// again.
func TestMemory(t *testing.T) {
	d, err := openDatabase(t.TempDir(), [32]byte{})
	if err == nil {
		err = errors.Join(d.create(), d.file.Commit())
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.close() }()
	for range 3 {
		if _, err := d.number(t.Context(), "SELECT length(hex(zeroblob(200000000)))"); err != ErrMemory || !d.broken {
			t.Fatalf("%v", err)
		}
		if err := d.reload(); err != nil {
			t.Fatal(err)
		}
		if n, err := d.number(t.Context(), "SELECT 7"); n != 7 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
	}
}

// TestVersion shows that an index of another version does not open.
func TestVersion(t *testing.T) {
	dir := t.TempDir()
	d, err := openDatabase(dir, [32]byte{})
	if err == nil {
		err = errors.Join(d.create(), d.exec(t.Context(), "PRAGMA user_version=1"), d.file.Commit(), d.close())
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, [32]byte{}); !errors.Is(err, ErrDamaged) {
		t.Errorf("%v, want damage", err)
	}
}
