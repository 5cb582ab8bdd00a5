package index

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/mailstrata/mailstrata/repo/format"
)

// all writes a file of all places that the index knows, and of those that only packs know, which no segment describes. The
// caller removes it. indexed has the packs that a segment describes.
func (x *Index) All(ctx context.Context) (f *File, indexed map[format.Pack]bool, err error) {
	for range maxFiles {
		if err := x.Load(ctx); err != nil {
			return nil, nil, err
		}
		x.refreshing.Lock()
		err := x.describeUnindexed(ctx)
		x.refreshing.Unlock()
		if err != nil {
			return nil, nil, err
		}
		f, indexed, err := x.mergeAll()
		if !errors.Is(err, errFile) {
			return f, indexed, err
		}
		x.discardDamaged(x.openedFiles())
	}
	return nil, nil, errors.New("the cached index is damaged again and again")
}

func (x *Index) mergeAll() (merged *File, indexed map[format.Pack]bool, err error) {
	files := x.openedFiles()
	indexed = map[format.Pack]bool{}
	for _, f := range files {
		for i := range f.Packs {
			if !f.unindexed() {
				indexed[f.Packs[i].Pack()] = true
			}
		}
	}
	unique := make([]byte, 8)
	rand.Read(unique)
	err = x.Source.WriteCache(func() (err error) {
		dir := x.Source.IndexDir()
		merged, err = mergeFiles(dir, filepath.Join(dir, "new-census-"+hex.EncodeToString(unique)), x.owner(), files)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("merge the cached index: %w", err)
	}
	return merged, indexed, nil
}

// describe returns what the index knows of a pack: its row, and the entries of each of its frames. nil: nothing.
func (x *Index) Describe(ctx context.Context, p format.Pack) (row *format.PackRow, frames [][]format.Entry, err error) {
	if err := x.Load(ctx); err != nil {
		return nil, nil, err
	}
	for _, f := range x.openedFiles() {
		number := slices.IndexFunc(f.Packs, func(row format.PackRow) bool { return row.Pack() == p })
		if number < 0 {
			continue
		}
		frames = make([][]format.Entry, len(f.Packs[number].Stored))
		for e, err := range f.All() {
			if err != nil {
				return nil, nil, err
			}
			if at := f.places[e.Frame]; int(at.pack) == number {
				frames[at.frame] = append(frames[at.frame], e)
			}
		}
		return &f.Packs[number], frames, nil
	}
	return nil, nil, nil
}
