package doctor

import (
	"errors"
	"fmt"
	"os"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// leastRoom is what a cache should find: packs are built there, and what a killed run had is kept there.
const leastRoom = 1 << 30

// Host looks at the directories that mailstrata keeps things in.
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
		if known && room < leastRoom && d.check == "cache" {
			e.warn(d.check, "make room, or name another with --cache-dir", "%s has room for %s only", dir, ui.Size(room))
		} else if known {
			e.ok(d.check, "%s has room for %s", dir, ui.Size(room))
		} else {
			e.ok(d.check, "%s can be written", dir)
		}
	}
	return e.found
}

// checkWritable makes the directory where it is missing, as every command does, and writes to it.
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
