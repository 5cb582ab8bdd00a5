package doctor

import (
	"errors"
	"fmt"
	"os"

	"github.com/mailstrata/mailstrata/internal/access"
)

// Host checks the directories of mailstrata on this host.
func Host(h *access.Host) []Finding {
	e := &findings{subject: "this host"}
	for _, d := range []struct {
		check string
		where func() (string, error)
		room  room
	}{
		{"cache", h.CacheDir, room{needs: cacheNeeds, full: fullDisk,
			advice: "free some space, or name another directory with --cache-dir"}},
		{"state", h.StateDir, room{needs: stateNeeds, full: 1 << 20, advice: "free some space"}},
	} {
		dir, err := d.where()
		if err == nil {
			err = checkWritable(dir)
		}
		if err != nil {
			e.fail(d.check, err)
			continue
		}
		free, known := freeBytes(dir)
		if !known {
			e.ok(d.check, "%s is writable", dir)
			continue
		}
		d.room.dir, d.room.use, d.room.free = dir, "a night", free
		e.space(d.check, d.room)
	}
	e.temporary(os.TempDir())
	return e.found
}

// temporary reports a directory of temporary files that lacks room.
func (f *findings) temporary(dir string) {
	free, known := freeBytes(dir)
	if known && free < temporaryNeeds {
		f.space("temporary files", room{dir: dir, use: "a run", free: free, needs: temporaryNeeds, full: 1 << 20,
			advice: "free some space, or set TMPDIR to another directory"})
	}
}

// checkWritable creates the directory if it is missing, as every command does, and writes a file to
// it.
func checkWritable(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return fmt.Errorf("write to a directory: %w", err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
