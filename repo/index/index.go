package index

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"filippo.io/age"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/zeebo/blake3"
)

// index finds chunks. It knows every index segment that was listed: in the form of a few flat files, and of large ones that
// were hardly needed yet only what is where in them.
type Index struct {
	Options

	refreshing sync.Mutex // one at a time looks for new segments
	listedAt   time.Time  // when, last

	mu          sync.RWMutex // held for reading while files are searched
	files       []*File
	held        map[[32]byte]bool    // segments that the files hold
	remote      []*remoteSegment     // segments that are looked into where they are; never changed in place
	unreadable  map[[32]byte]error   // segments that cannot be read, and why
	undescribed map[format.Pack]bool // packs that were needed, and that no segment describes

	described bool // packs that no segment describes were looked for; guarded by refreshing

	buffers sync.Pool // of blocks
}

// options are what an index works with.
type Options struct {
	Store    store.Store
	Codec    *format.Codec
	Identity age.Identity // opens segments; nil: they are not sealed
	Source   source
}

// source is what an index asks of its repository.
type source interface {
	// OpenSegment fetches a segment whole and opens it. The caller calls done.
	OpenSegment(ctx context.Context, name string, hash [32]byte) (s *format.Segment, done func(), err error)

	// EachPack calls use for each pack in the store that the key at hand opens.
	EachPack(ctx context.Context, use func(p format.Pack, size int64) error) error

	// DescribePack reads what a pack says of itself.
	DescribePack(ctx context.Context, p format.Pack, size int64) (format.PackRow, []format.LaneRow, error)

	// ManifestRead returns when this process read a manifest last.
	ManifestRead() time.Time

	// IndexDir returns the directory of the index files now. WriteCache calls write, which writes there, and again after a
	// failure of this host that may pass.
	IndexDir() string
	WriteCache(write func() error) error
}

// maxFlats is how many files may be searched for one chunk.
const maxFiles = 4

// refreshPause is how long a miss is believed before segments are listed again.
const refreshPause = 30 * time.Second

// newIndex opens the files of earlier runs and lists the segments.
func Open(ctx context.Context, o Options) (*Index, error) {
	x := &Index{Options: o, held: map[[32]byte]bool{}, unreadable: map[[32]byte]error{}, undescribed: map[format.Pack]bool{}}
	x.openFiles()
	if err := x.refresh(ctx); err != nil {
		x.Close()
		return nil, err
	}
	return x, nil
}

func (x *Index) owner() Owner { return OwnerOf(x.Codec) }

func OwnerOf(c *format.Codec) Owner { return Owner{c.Repository, c.Keys.ID} }

// eachRow yields the rows of all packs that the index knows, some perhaps twice.
func (x *Index) Packs() iter.Seq[*format.PackRow] {
	return func(yield func(*format.PackRow) bool) {
		for _, f := range x.openedFiles() {
			for i := range f.Packs {
				if !yield(&f.Packs[i]) {
					return
				}
			}
		}
		for _, s := range x.remotes() {
			for i := range s.seg.Packs {
				if !yield(&s.seg.Packs[i]) {
					return
				}
			}
		}
	}
}

// openFiles opens the flat files of earlier runs. One that is not right, or holds nothing that others do not, goes.
func (x *Index) openFiles() {
	paths, _ := filepath.Glob(filepath.Join(x.Source.IndexDir(), "*.flat"))
	var files []*File
	for _, path := range paths {
		f, err := openFile(path, x.owner())
		if err == nil {
			files = append(files, f)
		} else if errors.Is(err, errFile) {
			_ = os.Remove(path)
		}
	}
	slices.SortFunc(files, func(a, b *File) int { return len(b.segments) - len(a.segments) })
	for _, f := range files {
		if !slices.ContainsFunc(f.segments, func(s [32]byte) bool { return !x.held[s] }) {
			f.Remove()
			continue
		}
		x.addFile(f)
	}
	x.removeTemporary()
}

// sweepTemporary removes what a crash left; no run lasts a day.
func (x *Index) removeTemporary() {
	left, _ := filepath.Glob(filepath.Join(x.Source.IndexDir(), "new-*"))
	for _, path := range left {
		if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			_ = os.Remove(path)
		}
	}
}

func (x *Index) addFile(f *File) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.files = append(x.files, f)
	for _, s := range f.segments {
		x.held[s] = true
	}
}

// has reports whether there is nothing to fetch of a segment: it is held, or can be looked into, or cannot be had.
func (x *Index) has(segment [32]byte) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.held[segment] || x.unreadable[segment] != nil ||
		slices.ContainsFunc(x.remote, func(s *remoteSegment) bool { return s.hash == segment })
}

func (x *Index) Close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, f := range x.files {
		f.close()
	}
	x.files = nil
}

// doWithout notes a segment that cannot be read. It is not asked for again: objects do not change.
func (x *Index) skip(segment [32]byte, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.unreadable[segment] = err
}

// standsAlone notes a pack that was needed and that no segment describes.
func (x *Index) noteUndescribed(p format.Pack) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.undescribed[p] = true
}

// errAlone: a pack holds what a manifest needs, and had to be asked for it.
var errUndescribed = errors.New("it is needed, but no index segment that can be read names it: one is damaged or lost")

// fault is what is wrong with an object that the index needed.
type Fault struct {
	Object string // its name
	Err    error
}

// faults names the segments that are done without, and the packs that were needed all the same.
func (x *Index) Faults() (all []Fault) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for pack := range x.undescribed {
		all = append(all, Fault{pack.String(), errUndescribed})
	}
	for segment, err := range x.unreadable {
		all = append(all, Fault{format.ObjectName(format.KindIndex, segment), err})
	}
	slices.SortFunc(all, func(a, b Fault) int { return cmp.Compare(a.Object, b.Object) })
	return all
}

func (x *Index) openedFiles() []*File {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return slices.Clone(x.files)
}

// publish ends a flat file and uses it.
func (x *Index) finishFile(w *FileWriter, path string, packs []format.PackRow, segments, inputs [][32]byte) error {
	f, err := w.Finish(path, packs, segments, inputs)
	if err != nil {
		w.Abandon()
		return fmt.Errorf("keep the index in the cache: %w", err)
	}
	x.addFile(f)
	return nil
}

// path of the flat file that holds what has these hashes.
func (x *Index) path(hashes [][32]byte) string {
	h := blake3.New()
	for _, hash := range hashes {
		h.Write(hash[:])
	}
	return filepath.Join(x.Source.IndexDir(), hex.EncodeToString(h.Sum(nil)[:16])+".flat")
}

// compact merges small files into one when there are more than a lookup should search. The smallest go, and with them
// any that is not much larger than they are together: so each entry is written again only a few times. It reports
// whether all files were whole: those that are not go, and what they held must be fetched again.
func (x *Index) compact() (whole bool) {
	files := slices.DeleteFunc(x.openedFiles(), (*File).unindexed)
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
	var segments [][32]byte
	for _, f := range files {
		segments = append(segments, f.segments...)
	}
	merged, err := mergeFiles(x.Source.IndexDir(), x.path(segments), x.owner(), files)
	switch {
	case err == nil:
		x.replace(files, merged)
	case errors.Is(err, errFile):
		x.discardDamaged(files)
		return false
	}
	return true // a cache that cannot be written leaves many files to search, and that is all
}

func (x *Index) discardDamaged(files []*File) {
	for _, f := range files {
		for _, err := range f.All() {
			if err != nil {
				x.discard(f)
			}
		}
	}
}

func (x *Index) replace(old []*File, merged *File) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.files = slices.DeleteFunc(x.files, func(f *File) bool { return slices.Contains(old, f) })
	x.files = append(x.files, merged)
	for _, f := range old {
		f.close()
		if f.path != merged.path {
			_ = os.Remove(f.path)
		}
	}
}

// found is one place of a chunk.
type match struct {
	pack *format.PackRow
	n    int    // of the frame in the pack
	at   uint32 // where that begins in the container
	format.Entry
	indexed bool // a segment says so, not only the pack itself
}

// find yields every place of a chunk that the index knows, some perhaps twice. A file that proves damaged is taken out
// and its segments are fetched again; but not for ever, on a disk that damages whatever is written. A segment that is not
// where it was, was merged into another.
func (x *Index) find(ctx context.Context, p chunk.Prefix, yield func(match) bool) error {
	for try := 0; ; try++ {
		again, err := x.search(ctx, p, yield)
		if !again {
			return err
		}
		if ctx.Err() != nil {
			return errors.Join(context.Cause(ctx), err)
		}
		if try == 2*maxFiles {
			return fmt.Errorf("the index cannot be read, again and again: %w", err)
		}
		if err := x.refresh(ctx); err != nil {
			return err
		}
	}
}

// search searches once, files first. again: what failed was taken out of use, and a refresh helps.
func (x *Index) search(ctx context.Context, p chunk.Prefix, yield func(match) bool) (again bool, err error) {
	if again, err := x.loadDue(ctx); again || err != nil {
		return again, err
	}
	remotes := x.remotes() // before the files: what is fetched meanwhile is seen in one of them
	bad, stopped, err := x.searchFiles(p, yield)
	if bad != nil {
		x.discard(bad)
		return true, err
	}
	if stopped || len(remotes) == 0 {
		return false, nil
	}
	return x.searchRemotes(ctx, remotes, p, yield)
}

// searchFiles tells which file could not be searched, and whether the caller has enough.
func (x *Index) searchFiles(p chunk.Prefix, yield func(match) bool) (bad *File, stopped bool, err error) {
	buf, _ := x.buffers.Get().(*[fileBlock * format.EntrySize]byte)
	if buf == nil {
		buf = new([fileBlock * format.EntrySize]byte)
	}
	defer x.buffers.Put(buf)
	x.mu.RLock()
	defer x.mu.RUnlock()
	more := true
	for _, f := range slices.Backward(x.files) { // the newest last, and asked first
		err := f.find(p, buf[:], func(e format.Entry) bool {
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

// discard takes a file out of use, so that refresh fetches its segments again. It reports whether the file was in use.
func (x *Index) discard(f *File) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !slices.Contains(x.files, f) {
		return false // somebody else was first, or it was merged into another
	}
	x.files = slices.DeleteFunc(x.files, func(g *File) bool { return g == f })
	clear(x.held)
	for _, g := range x.files {
		for _, s := range g.segments {
			x.held[s] = true
		}
	}
	f.Remove()
	return true
}
