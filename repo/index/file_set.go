package index

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/zeebo/blake3"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
)

// fileSet is the index files of a repository on this host. They hold the segments that were
// fetched. compact merges small files, so that a lookup reads few.
type fileSet struct {
	repository Repository
	codec      *format.Codec

	mu      sync.RWMutex      // held for reading while files are searched
	open    []*File           // the newest last
	held    map[[32]byte]bool // the segments that they hold
	buffers sync.Pool         // of blocks
}

// newFileSet opens the files of earlier runs.
func newFileSet(r Repository, c *format.Codec) *fileSet {
	files := &fileSet{repository: r, codec: c, held: map[[32]byte]bool{}}
	files.openAll()
	return files
}

// holds reports whether a file holds a segment.
func (set *fileSet) holds(segment [32]byte) bool {
	set.mu.RLock()
	defer set.mu.RUnlock()
	return set.held[segment]
}

func (set *fileSet) close() {
	set.mu.Lock()
	defer set.mu.Unlock()
	for _, f := range set.open {
		f.close()
	}
	set.open = nil
}

// openAll opens the files of earlier runs. It removes files that are damaged or hold nothing that
// others do not hold.
func (set *fileSet) openAll() {
	paths, _ := filepath.Glob(filepath.Join(set.repository.IndexDir(), "*.flat"))
	var files []*File
	for _, path := range paths {
		f, err := openFile(path, set.codec)
		if err == nil {
			files = append(files, f)
		} else if errors.Is(err, errFile) {
			_ = os.Remove(path)
		}
	}
	slices.SortFunc(files, func(a, b *File) int { return len(b.segments) - len(a.segments) })
	for _, f := range files {
		if !slices.ContainsFunc(f.segments, func(s [32]byte) bool { return !set.held[s] }) {
			f.Remove()
			continue
		}
		set.add(f)
	}
	set.removeTemporary()
}

// removeTemporary removes the files that a crash left. No run lasts a day.
func (set *fileSet) removeTemporary() {
	left, _ := filepath.Glob(filepath.Join(set.repository.IndexDir(), "new-*"))
	for _, path := range left {
		if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			_ = os.Remove(path)
		}
	}
}

func (set *fileSet) add(f *File) {
	set.mu.Lock()
	defer set.mu.Unlock()
	set.open = append(set.open, f)
	for _, s := range f.segments {
		set.held[s] = true
	}
}

func (set *fileSet) snapshot() []*File {
	set.mu.RLock()
	defer set.mu.RUnlock()
	return slices.Clone(set.open)
}

// path returns the path of the file for the segments or packs with these hashes.
func (set *fileSet) path(hashes [][32]byte) string {
	h := blake3.New()
	for _, hash := range hashes {
		h.Write(hash[:])
	}
	return filepath.Join(set.repository.IndexDir(), hex.EncodeToString(h.Sum(nil)[:16])+".flat")
}

// compact merges the smallest files into one if there are more than a lookup should search. A file
// that is not much larger than the smaller ones together is merged too, so each entry is written
// only a few times. compact reports whether all files were good. It removes those that were not;
// their segments must be fetched again.
func (set *fileSet) compact() (good bool) {
	files := slices.DeleteFunc(set.snapshot(), (*File).unindexed)
	if len(files) <= maxFiles {
		return true
	}
	slices.SortFunc(files, func(a, b *File) int { return cmp.Compare(a.Count, b.Count) })
	n, sum := 0, int64(0)
	for n < len(files) && (len(files)-n >= maxFiles-1 || files[n].Count <= 2*sum) {
		sum += files[n].Count
		n++
	}
	files = files[:n]
	merged, err := set.merge(files)
	switch {
	case err == nil:
		set.replace(files, merged)
	case errors.Is(err, errFile):
		set.discardDamaged(files)
		return false
	}
	return true // if the cache cannot be written, lookups search more files
}

// merge writes the union of files into one.
func (set *fileSet) merge(files []*File) (*File, error) {
	var segments [][32]byte
	for _, f := range files {
		segments = append(segments, f.segments...)
	}
	return mergeFiles(set.repository.IndexDir(), set.path(segments), set.codec, files)
}

// writeMerged writes one file of files in memory and adds it.
func (set *fileSet) writeMerged(files []*File) error {
	return set.repository.WriteCache(func() error {
		merged, err := set.merge(files)
		if err != nil {
			return fmt.Errorf("keep the index in the cache: %w", err)
		}
		set.add(merged)
		return nil
	})
}

func (set *fileSet) discardDamaged(files []*File) {
	for _, f := range files {
		for _, err := range f.All() {
			if err != nil {
				set.discard(f)
			}
		}
	}
}

func (set *fileSet) replace(old []*File, merged *File) {
	set.mu.Lock()
	defer set.mu.Unlock()
	set.open = slices.DeleteFunc(set.open, func(f *File) bool { return slices.Contains(old, f) })
	set.open = append(set.open, merged)
	for _, f := range old {
		f.close()
		if f.path != merged.path {
			_ = os.Remove(f.path)
		}
	}
}

// search yields what the files hold of ascending prefixes, the newest file first. It returns a file
// that could not be searched, and whether yield stopped it.
func (set *fileSet) search(prefixes []chunk.Prefix, yield func(match) bool) (bad *File, stopped bool, err error) {
	buf, _ := set.buffers.Get().(*[fileBlock * format.EntrySize]byte)
	if buf == nil {
		buf = new([fileBlock * format.EntrySize]byte)
	}
	defer set.buffers.Put(buf)
	set.mu.RLock()
	defer set.mu.RUnlock()
	more := true
	for _, f := range slices.Backward(set.open) {
		err := f.findAll(prefixes, f.reader(buf[:]), func(e format.Entry) bool {
			at := f.places[e.Frame]
			more = yield(match{&f.Packs[at.pack], at.frame, at.offset, e, !f.unindexed()})
			return more
		})
		if err != nil {
			return f, false, err
		}
		if !more {
			return nil, true, nil
		}
	}
	return nil, false, nil
}

// discard removes a file from the set, so that a refresh fetches its segments again. It reports
// whether the file was there.
func (set *fileSet) discard(f *File) bool {
	set.mu.Lock()
	defer set.mu.Unlock()
	if !slices.Contains(set.open, f) {
		return false // another goroutine was first, or the file was merged
	}
	set.open = slices.DeleteFunc(set.open, func(g *File) bool { return g == f })
	clear(set.held)
	for _, g := range set.open {
		for _, s := range g.segments {
			set.held[s] = true
		}
	}
	f.Remove()
	return true
}

// maxFiles is how many files a lookup may search.
const maxFiles = 4

// segments returns the segments that the files hold.
func (set *fileSet) segments() map[[32]byte]bool {
	set.mu.RLock()
	defer set.mu.RUnlock()
	return maps.Clone(set.held)
}

// writeSegment writes a file of a segment and adds it.
func (set *fileSet) writeSegment(seg *format.Segment, hash [32]byte) error {
	hashes := [][32]byte{hash}
	return set.write(set.path(hashes), seg.Entries(), seg.Packs, hashes, seg.Inputs())
}

// writeDraft writes a file of a draft, whose entries ascend, and adds it. The hashes in named give
// the file its name.
func (set *fileSet) writeDraft(draft Draft, segments [][32]byte, named [][32]byte) error {
	entries := func(yield func(format.Entry, error) bool) {
		for _, e := range draft.Entries {
			if !yield(e, nil) {
				return
			}
		}
	}
	return set.repository.WriteCache(func() error { return set.write(set.path(named), entries, draft.Packs, segments, nil) })
}

func (set *fileSet) write(
	path string, entries iter.Seq2[format.Entry, error], packs []format.PackRow, segments, inputs [][32]byte,
) error {
	w, err := NewFileWriter(set.repository.IndexDir(), set.codec)
	if err != nil {
		return err
	}
	for e, err := range entries {
		if err == nil {
			err = w.Add(e)
		}
		if err != nil {
			w.Abandon()
			return err
		}
	}
	f, err := w.Finish(path, packs, segments, inputs)
	if err != nil {
		w.Abandon()
		return fmt.Errorf("keep the index in the cache: %w", err)
	}
	set.add(f)
	return nil
}

// mergeAll merges all files into one outside the set. indexed has the packs that an index segment
// describes.
func (set *fileSet) mergeAll() (merged *File, indexed map[format.Pack]bool, err error) {
	files := set.snapshot()
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
	err = set.repository.WriteCache(func() (err error) {
		dir := set.repository.IndexDir()
		merged, err = mergeFiles(dir, filepath.Join(dir, "new-census-"+hex.EncodeToString(unique)), set.codec, files)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("merge the cached index: %w", err)
	}
	return merged, indexed, nil
}
