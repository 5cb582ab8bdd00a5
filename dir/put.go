package dir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/filetree"
)

// staleAfter is the age at which no run uses a file in "_tmp".
const staleAfter = 24 * time.Hour

// Put implements store.Store.
func (d *Dir) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	path, err := d.path(name)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := os.Lstat(path); err == nil {
		return d.same(ctx, path, body, size) // do not write a body that exists
	}
	f, err := d.write(ctx, body, size)
	if err != nil {
		return fmt.Errorf("put %s: %w", path, explain(err))
	}
	defer discard(f)
	if err := d.makeDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("put %s: %w", path, explain(err))
	}
	err = d.publish(ctx, f.Name(), path)
	if errors.Is(err, fs.ErrExist) {
		return d.same(ctx, path, body, size)
	}
	if err != nil {
		return explain(err)
	}
	// Writing may have taken long. Deadlines refer to the time when the name was made.
	if err := errors.Join(touch(f, size), f.Sync(), local.SyncDir(filepath.Dir(path))); err != nil {
		return fmt.Errorf("put %s: %w", path, explain(err))
	}
	return nil
}

// write makes a durable file in "_tmp" with the body.
func (d *Dir) write(ctx context.Context, body io.ReaderAt, size int64) (*os.File, error) {
	f, err := d.temp()
	if err != nil {
		return nil, err
	}
	d.sweep.Do(func() { d.removeStale(f) })
	if err = filetree.Write(ctx, f, body, size); err == nil {
		err = f.Sync()
	}
	if err != nil {
		discard(f)
		return nil, err
	}
	return f, nil
}

// same returns nil if the file at path has the body, and ErrExist if it has other content.
func (d *Dir) same(ctx context.Context, path string, body io.ReaderAt, size int64) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	there, err := fileSize(f)
	if err != nil {
		return fmt.Errorf("%w: %s is in the way: %w", store.ErrExist, path, err)
	}
	if err := filetree.Compare(ctx, path, f, there, body, size); err != nil {
		return err
	}
	// The process that made the name may not have synced it.
	if err := d.makeDir(filepath.Dir(path)); err != nil {
		return err
	}
	return local.SyncDir(filepath.Dir(path))
}

// temp makes a file in "_tmp".
func (d *Dir) temp() (*os.File, error) {
	tmp := filepath.Join(d.root, tmpDir)
	f, err := os.CreateTemp(tmp, "")
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.Mkdir(tmp, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, explain(err)
		}
		f, err = os.CreateTemp(tmp, "")
	}
	return f, explain(err)
}

// removeStale removes what crashed runs left in "_tmp". Ages are by the file system's clock, which
// fresh, a new file, shows.
func (d *Dir) removeStale(fresh *os.File) {
	info, err := fresh.Stat()
	if err != nil {
		return
	}
	entries, _ := os.ReadDir(filepath.Join(d.root, tmpDir))
	for _, e := range entries {
		if old, err := e.Info(); err == nil && info.ModTime().Sub(old.ModTime()) > staleAfter {
			_ = os.Remove(filepath.Join(d.root, tmpDir, e.Name()))
		}
	}
}

func discard(f *os.File) {
	f.Close()
	_ = os.Remove(f.Name())
}

// touch sets the modification time of a file of size bytes to the present by the file system's
// clock. utimes(2) would use this host's clock. POSIX requires ftruncate(2) to do so even if the
// size stays the same.
func touch(f *os.File, size int64) error { return f.Truncate(size) }

// makeDir makes a directory under the root, and its name durable, once for every directory and
// process: a process that crashed may have made the name without syncing it.
func (d *Dir) makeDir(path string) error {
	if path == d.root {
		return nil
	}
	if _, ok := d.synced.Load(path); ok {
		return nil
	}
	parent := filepath.Dir(path)
	if err := d.makeDir(parent); err != nil {
		return err
	}
	if err := os.Mkdir(path, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := local.SyncDir(parent); err != nil {
		return err
	}
	d.synced.Store(path, struct{}{})
	return nil
}

// explain adds what to do to errors that the user can resolve.
func explain(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("the disk, or your quota, is full; nothing was kept of this object: free some space and run again: %w", err)
	}
	return err
}
