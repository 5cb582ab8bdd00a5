package local_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/local"
)

// If TMPDIR does not exist, another directory is used. If there is none, the error says what to do.
func TestTemporaryFilesWithoutTMPDIR(t *testing.T) {
	home, missing := t.TempDir(), filepath.Join(t.TempDir(), "missing")
	t.Setenv("TMPDIR", missing)
	t.Setenv("TMP", missing) // Windows
	_, err := local.CreateTemp("x-*")
	if !local.Is(err) || !strings.Contains(err.Error(), "TMPDIR") || !strings.Contains(err.Error(), missing) {
		t.Fatalf("%v, want an error of this host that names the directory and TMPDIR", err)
	}
	other := filepath.Join(home, "cache", "tmp")
	local.AlsoTemporary(other)
	file, err := local.CreateTemp("x-*")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if filepath.Dir(file.Name()) != other {
		t.Errorf("made %s, want it in %s", file.Name(), other)
	}
	if dir, err := local.MkdirTemp("x-*"); err != nil || filepath.Dir(dir) != other {
		t.Errorf("made the directory %q, %v", dir, err)
	}
}

// Is finds a wrapped Error. The end of a file is not an Error.
func TestErrorsOfThisHost(t *testing.T) {
	err := local.Fail("write", "/x/y", fs.ErrPermission)
	if !local.Is(err) || !errors.Is(err, fs.ErrPermission) || local.Fail("again", "", err) != err {
		t.Errorf("%v", err)
	}
	if local.Fail("write", "", nil) != nil || local.Is(io.EOF) {
		t.Error("no error became one")
	}
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (local.File{File: f}).ReadAt(make([]byte, 1), 0); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	f.Close()
	if _, err := (local.File{File: f}).ReadAt(make([]byte, 1), 0); !local.Is(err) {
		t.Errorf("of a closed file: %v", err)
	}
}

// The text has what was done, the file and the cause, each once. It says what to do if the disk is
// full.
func TestTextsOfErrors(t *testing.T) {
	full := func(op, path string) error { return &fs.PathError{Op: op, Path: path, Err: syscall.ENOSPC} }
	const advice = ": no space left on device: make room there and run it again"
	for _, c := range []struct {
		err  error
		want string
	}{
		{local.Fail("write", "/x/y", syscall.ENOSPC), "write /x/y" + advice},
		{local.Fail("write", "/x/y", full("write", "/x/y")), "write /x/y" + advice},
		{local.Fail("write", "", full("write", "/x/y")), "write /x/y" + advice},
		{local.Fail("make a cache in", "/x", full("open", "/x/y")), "make a cache in: open /x/y" + advice},
		{local.Fail("read", "/x/y", &fs.PathError{Op: "open", Path: "/x/y", Err: fs.ErrPermission}), "read /x/y: permission denied"},
		{local.Fail("read", "/x/y", errors.New("it is damaged")), "read /x/y: it is damaged"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("%s; want %s", got, c.want)
		}
	}
}

// A file is replaced as a whole, and no temporary file stays.
func TestReplace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	for _, text := range []string{"one", "two"} {
		if err := local.Replace(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(path); string(got) != text {
			t.Errorf("the file holds %q, want %q", got, text)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".new-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := local.Replace(filepath.Join(path, "x"), nil); !local.Is(err) {
		t.Errorf("below a file: %v", err)
	}
}

// A file of the user keeps its mode, and a link keeps leading to it.
func TestRewrite(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "own"), filepath.Join(dir, "link")
	if err := os.WriteFile(path, []byte("one"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("own", link); err != nil {
		t.Skip(err) // Windows without the right to make links
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := local.Rewrite(link, []byte("two")); err != nil {
		t.Fatal(err)
	}
	after, err := os.Lstat(path)
	if err != nil || after.Mode() != before.Mode() {
		t.Errorf("the file has the mode %v, %v; want %v", after.Mode(), err, before.Mode())
	}
	if got, err := os.ReadFile(path); string(got) != "two" {
		t.Errorf("the file holds %q, %v", got, err)
	}
	if target, err := os.Readlink(link); target != "own" {
		t.Errorf("the link leads to %q, %v", target, err)
	}
	if err := local.Rewrite(filepath.Join(dir, "new"), []byte("x")); err != nil {
		t.Errorf("a new file: %v", err)
	}
}

// Only one holder at a time has the lock. A second one gets the number of the process that has it,
// and then the lock.
func TestLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	never := func(string) { t.Error("it waits") }
	lock := func(ctx context.Context, name string, waiting func(string)) (func(), error) {
		unlock, missing, err := local.Lock(ctx, filepath.Join(dir, name), waiting)
		if missing != nil {
			t.Fatal(missing)
		}
		return unlock, err
	}
	first, err := lock(t.Context(), "a", never)
	if err != nil {
		t.Fatal(err)
	}
	other, err := lock(t.Context(), "b", never)
	if err != nil {
		t.Fatal(err)
	}
	other()

	waits := 0
	second, err := lock(t.Context(), "a", func(process string) {
		waits++
		if process != strconv.Itoa(os.Getpid()) {
			t.Errorf("process %q", process)
		}
		first()
	})
	if err != nil || waits != 1 {
		t.Fatal(waits, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := lock(ctx, "a", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	second()
	third, err := lock(t.Context(), "a", never) // the canceled attempt does not keep it
	if err != nil {
		t.Fatal(err)
	}
	third()
}
