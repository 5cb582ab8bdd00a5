package tree

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A file that waits without a name is in no directory, so nothing is left of a program that is
// killed. It gets its name in each way that the system has, and replaces no existing file.
func TestUnnamed(t *testing.T) {
	for _, way := range []unnamedFiles{linkedByFile, linkedByProc} {
		d := openApart(t)
		f, err := d.dirs.createUnnamed()
		if err != nil {
			t.Skip("the file system has no files without names:", err)
		}
		if err := f.link(way, d.dirs.toFD, "tried"); err != nil {
			if way == linkedByProc {
				t.Error(err)
			}
			continue // it takes a privilege that this test does not have
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		d.dirs.unnamed = way
		putBeside(t, d)
		if there, err := os.ReadDir(filepath.Join(d.path, "tmp")); len(there) > 0 || err != nil {
			t.Errorf("there are %v, %v", there, err)
		}
		if n := d.syncer.open.Load(); n != 3 {
			t.Errorf("%d files are open, want 3", n)
		}
		checkBeside(t, d)
	}
}

// The first file shows whether others can do without a name.
func TestTriedOnce(t *testing.T) {
	d := openApart(t)
	f, err := d.dirs.createUnnamed()
	if err != nil {
		t.Skip("the file system has no files without names:", err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	putBeside(t, d)
	if there, err := os.ReadDir(filepath.Join(d.path, "tmp")); len(there) != 1 || err != nil {
		t.Errorf("there are %v, %v; want the first file alone", there, err)
	}
	checkBeside(t, d)
}

// More files than may be open wait under temporary names. All of them get their names.
func TestFewOpenFiles(t *testing.T) {
	d := openApart(t)
	d.syncer.maxOpen = 5
	const n = 100
	for i := range n {
		put(t, d, fmt.Sprint(i), strings.Repeat("x", i))
		if open := d.syncer.open.Load(); open > 5 {
			t.Fatalf("%d files are open", open)
		}
	}
	f := d.Create() // as a message that cannot be read
	if _, err := f.Write(make([]byte, 1<<20)); err != nil {
		t.Error(err)
	}
	f.Discard()
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	for i := range n {
		info, err := os.Stat(filepath.Join(d.path, "cur", fmt.Sprint(i)))
		if err != nil || info.Size() != int64(i) || !info.ModTime().Equal(time.Unix(1e9, 0)) {
			t.Errorf("file %d: %v, %v", i, info, err)
		}
	}
	checkClean(t, d)
}
