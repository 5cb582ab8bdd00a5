package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func open(t *testing.T, path string) (*Dir, *syncer) {
	t.Helper()
	return openIn(t, path, ".", ".")
}

func openIn(t *testing.T, path, temp, to string) (*Dir, *syncer) {
	t.Helper()
	root, err := os.OpenRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	syncer, err := newSyncer(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syncer.Close() })
	d, err := openDir(root, path, temp, to, syncer)
	if err != nil {
		t.Fatal(err)
	}
	return d, syncer
}

func put(t *testing.T, d *Dir, name, text string) {
	t.Helper()
	f := d.Create()
	if _, err := f.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Keep(name, time.Unix(1e9, 0)); err != nil {
		t.Fatal(err)
	}
}

// Files have their names, texts and dates after Close, over several batches. Existing files are not
// replaced.
func TestFiles(t *testing.T) {
	path := t.TempDir()
	if err := os.WriteFile(filepath.Join(path, "7"), []byte("there already"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, _ := open(t, path)
	const n = 2*batchFiles + 10
	for i := range n {
		put(t, d, fmt.Sprint(i), strings.Repeat("x", i%3*200_000%300_001))
		if i%100 == 0 {
			f := d.Create()
			_, _ = f.Write(make([]byte, i*1000))
			f.Discard()
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(path)
	if err != nil || len(entries) != n {
		t.Errorf("%d files, want %d, %v", len(entries), n, err)
	}
	checkClean(t, d)
	for i := range n {
		info, err := os.Stat(filepath.Join(path, fmt.Sprint(i)))
		want := int64(i % 3 * 200_000 % 300_001)
		if i == 7 {
			want = int64(len("there already"))
		}
		if err != nil || info.Size() != want || i != 7 && info.ModTime().Unix() != 1e9 {
			t.Errorf("file %d: %v, %v", i, info, err)
		}
	}
}

// Files that have a temporary name get their names in both ways, and replace no existing file.
func TestNames(t *testing.T) {
	for way, name := range map[string]func(*Dir, waiting) error{"rename": (*Dir).name, "link": (*Dir).link} {
		t.Run(way, func(t *testing.T) {
			d := openApart(t)
			d.syncer.maxOpen = 0
			putBeside(t, d)
			for _, w := range d.syncer.take() {
				err := name(d, w)
				if errors.Is(err, fs.ErrExist) {
					err = d.remove(w)
				}
				if err != nil {
					t.Error(err)
				}
			}
			checkBeside(t, d)
		})
	}
}

// putBeside adds the files 0, 1 and 2, of which 1 is there already.
func putBeside(t *testing.T, d *Dir) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(d.path, "cur", "1"), []byte("there already"), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		put(t, d, fmt.Sprint(i), "text")
	}
}

// checkBeside closes d and checks what putBeside has added.
func checkBeside(t *testing.T, d *Dir) {
	t.Helper()
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	for i, want := range []string{"text", "there already", "text"} {
		text, err := os.ReadFile(filepath.Join(d.path, "cur", fmt.Sprint(i)))
		if string(text) != want {
			t.Errorf("%d: %q, %v", i, text, err)
		}
	}
	checkClean(t, d)
}

// checkClean checks that no file waits for its name.
func checkClean(t *testing.T, d *Dir) {
	t.Helper()
	if left, err := os.ReadDir(filepath.Join(d.path, d.temp)); d.temp != d.to && len(left) > 0 || err != nil {
		t.Errorf("left over: %v, %v", left, err)
	}
	if n := d.syncer.open.Load(); n != 0 {
		t.Errorf("%d files are still open", n)
	}
}

// openApart returns a Dir whose files wait in tmp and get their names in cur.
func openApart(t *testing.T) *Dir {
	t.Helper()
	path := t.TempDir()
	for _, dir := range []string{"tmp", "cur"} {
		if err := os.Mkdir(filepath.Join(path, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	d, _ := openIn(t, path, "tmp", "cur")
	return d
}

// Restart discards what was written before, in memory and on disk.
func TestRestart(t *testing.T) {
	path := t.TempDir()
	d, _ := open(t, path)
	for i, size := range []int{10, 1 << 20} {
		f := d.Create()
		_, _ = f.Write(make([]byte, size))
		if err := f.Restart(); err != nil {
			t.Fatal(err)
		}
		_, _ = f.Write([]byte("again"))
		if _, err := f.Keep(fmt.Sprint(i), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if text, err := os.ReadFile(filepath.Join(path, fmt.Sprint(i))); string(text) != "again" {
			t.Errorf("%q, %v", text, err)
		}
	}
}

// If files cannot be made durable, none of them gets a name, and no more can be added.
func TestFailedSync(t *testing.T) {
	path := t.TempDir()
	d, syncer := open(t, path)
	put(t, d, "a", "text")
	syncer.top.Close()
	if err := d.Close(); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("closed with %v", err)
	}
	if entries, _ := os.ReadDir(path); len(entries) > 0 {
		t.Errorf("there are %v", entries)
	}
	checkClean(t, d)
}

// Without syncfs(2), files are synced one by one.
func TestSyncOneByOne(t *testing.T) {
	path := t.TempDir()
	d, _ := open(t, path)
	for i := range 20 {
		put(t, d, fmt.Sprint(i), "text")
	}
	if err := syncEach(d.syncer.waiting); err != nil {
		t.Error(err)
	}
	if err := syncEach([]waiting{{dir: d, temp: "gone"}}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// Several Dirs share batches, and each has all its files when it is closed.
func TestManyDirectories(t *testing.T) {
	path := t.TempDir()
	_, syncer := open(t, path)
	const n = batchFiles/2 + 10
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			sub := filepath.Join(path, fmt.Sprint(i))
			if err := os.Mkdir(sub, 0o700); err != nil {
				t.Error(err)
				return
			}
			root, err := os.OpenRoot(sub)
			if err != nil {
				t.Error(err)
				return
			}
			d, err := openDir(root, sub, ".", ".", syncer)
			if err != nil {
				t.Error(err)
				return
			}
			for i := range n {
				put(t, d, fmt.Sprint(i), "text")
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
			if entries, err := os.ReadDir(sub); len(entries) != n || err != nil || strings.HasPrefix(entries[0].Name(), ".") {
				t.Errorf("%d files, %v", len(entries), err)
			}
		})
	}
	group.Wait()
}

// A Dir whose files cannot get their names fails without the others.
func TestOneFails(t *testing.T) {
	path := t.TempDir()
	good, syncer := open(t, path)
	bad := openApart(t)
	bad.syncer = syncer
	put(t, good, "a", "text")
	put(t, bad, "b", "text")
	put(t, bad, strings.Repeat("n", 300), "text")
	put(t, bad, "c", "text")
	if err := good.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(path, "a")); err != nil {
		t.Error(err)
	}
	f := bad.Create()
	_, _ = f.Write([]byte("text"))
	if _, err := f.Keep("d", time.Now()); err == nil {
		t.Error("more was taken after a failure")
	}
	if err := bad.Close(); err == nil || !strings.Contains(err.Error(), bad.path) {
		t.Error(err)
	}
	if left, err := os.ReadDir(filepath.Join(bad.path, "cur")); len(left) != 1 || err != nil {
		t.Errorf("cur holds %v, %v", left, err)
	}
	checkClean(t, bad)
}

// Dates that cannot be stored become the nearest possible ones.
func TestDates(t *testing.T) {
	d, _ := open(t, t.TempDir())
	dates := make(map[string]time.Time)
	for _, seconds := range []int64{-1 << 62, -1, 0, 1e9, 1 << 33, 253402300799, 1 << 62} {
		f := d.Create()
		date := time.Unix(seconds, 0)
		kept, err := f.Keep(fmt.Sprint(seconds), date)
		if err != nil {
			t.Fatal(err)
		}
		if seconds >= 0 && seconds <= lastSafeDate && !kept.Equal(date) {
			t.Errorf("%v became %v", date, kept)
		}
		dates[fmt.Sprint(seconds)] = kept
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	for name, kept := range dates {
		if info, err := os.Stat(filepath.Join(d.path, name)); err != nil || !info.ModTime().Equal(kept) {
			t.Errorf("%s has not the date %v, %v", name, kept, err)
		}
	}
}

func TestRemoveStale(t *testing.T) {
	path := t.TempDir()
	d, _ := open(t, path)
	put(t, d, "a", "text")
	if err := os.WriteFile(filepath.Join(path, ".other"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d.removeStale() // nothing is old enough
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if entries, _ := os.ReadDir(path); len(entries) != 2 {
		t.Errorf("there are %v", entries)
	}
}
