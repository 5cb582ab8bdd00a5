package doctor

import (
	"errors"
	"fmt"
	"os"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// minFree is the disk space that a cache should have. Packs are built there, and the recovery log
// is kept there.
const minFree = 1 << 30

// Host checks the directories of mailstrata on this host.
func Host(h *access.Host) []Finding {
	e := &findings{subject: "this host"}
	for _, d := range []struct {
		check string
		where func() (string, error)
	}{{"cache", h.CacheDir}, {"state", h.StateDir}} {
		dir, err := d.where()
		if err == nil {
			err = checkWritable(dir)
		}
		if err != nil {
			e.fail(d.check, err)
			continue
		}
		room, known := freeBytes(dir)
		if known && room < minFree && d.check == "cache" {
			e.warn(d.check, "free some space, or name another directory with --cache-dir",
				"%s has only %s free", dir, ui.Size(room))
		} else if known {
			e.ok(d.check, "%s has %s free", dir, ui.Size(room))
		} else {
			e.ok(d.check, "%s is writable", dir)
		}
	}
	return e.found
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
