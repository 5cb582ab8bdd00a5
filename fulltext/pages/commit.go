package pages

import (
	"bytes"
	"os"
	"path/filepath"

	"github.com/mailstrata/mailstrata/internal/local"
)

// Commit makes all changes durable at once. After an error, Reload is needed.
func (f *File) Commit() error {
	if f.broken != nil || !f.dirty {
		return f.broken
	}
	f.broken = f.commit()
	return f.broken
}

func (f *File) commit() error {
	if err := f.change(); err != nil {
		return err
	}
	for n := tablesFor(f.root.pages); n != len(f.root.tables); {
		if last := len(f.root.tables) - 1; n > len(f.root.tables) {
			f.root.tables = append(f.root.tables, entry{})
		} else {
			f.slots.release(f.root.tables[last].slot)
			f.root.tables = f.root.tables[:last]
			f.tables = f.tables[:min(last, len(f.tables))]
		}
	}
	if err := f.compact(); err != nil {
		return err
	}
	if err := f.writeTables(); err != nil {
		return err
	}
	if err := f.data.Sync(); err != nil {
		return local.Fail("sync", f.data.Name(), err)
	}
	f.root.generation++
	path := filepath.Join(f.dir, rootName)
	if err := f.root.write(path, &f.key); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return local.Fail("read", path, err)
	}
	f.info, f.dirty = info, false
	return local.Fail("truncate", f.data.Name(), f.data.Truncate(int64(f.slots.commit())*PageSize))
}

// Slots that are free are used again. If more than this share of them is free, and more than 1 MB,
// pages move from the end of the file into the free slots, and the file becomes shorter.
const (
	freeShare = 5
	freeSlots = 64
)

// compact moves pages from the end of the file into free slots.
func (f *File) compact() error {
	used, all := f.slots.count()
	if all-used < all/freeShare+freeSlots {
		return nil
	}
	for number, t := range f.tables {
		if t == nil {
			continue // of pages that were never written
		}
		if f.root.tables[number].slot > used {
			t.changed = true // so it is written again
		}
		for i := range t.entries {
			e := &t.entries[i]
			if e.slot <= used || f.slots.fresh[e.slot] || f.slots.first() > used {
				continue
			}
			page := uint32(number*perTable + i)
			text, err := f.read(sealedPage, page, e)
			if err != nil {
				return err
			}
			t.changed = true
			if err := f.write(sealedPage, page, bytes.Clone(text), e); err != nil {
				return err
			}
		}
	}
	return nil
}
