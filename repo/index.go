package repo

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/zeebo/blake3"
)

// index finds chunks. It knows every index segment that was listed: in the form of a few flat files, and of large ones that
// were hardly needed yet only what is where in them.
type index struct {
	r *Repo

	refreshing sync.Mutex // one at a time looks for new segments
	looked     time.Time  // when, last

	mu    sync.RWMutex // held for reading while files are searched
	files []*flat
	have  map[[32]byte]bool    // segments that the files hold
	far   []*remoteSegment     // segments that are looked into where they are; never changed in place
	bad   map[[32]byte]error   // segments that cannot be read, and why
	alone map[format.Pack]bool // packs that were needed, and that no segment describes

	salvaged bool // packs that no segment describes were looked for; guarded by refreshing

	buffers sync.Pool // of blocks
}

// maxFlats is how many files may be searched for one chunk.
const maxFlats = 4

// refreshPause is how long a miss is believed before segments are listed again.
const refreshPause = 30 * time.Second

// openIndex returns the index, which is read when it is needed first.
func (r *Repo) openIndex(ctx context.Context) (*index, error) {
	r.indexOnce.Lock()
	defer r.indexOnce.Unlock()
	if r.index != nil {
		return r.index, nil
	}
	x := &index{r: r, have: map[[32]byte]bool{}, bad: map[[32]byte]error{}, alone: map[format.Pack]bool{}}
	x.openFiles()
	if err := x.refresh(ctx); err != nil {
		x.close()
		return nil, err
	}
	r.index = x
	return x, nil
}

func (r *Repo) flatOwner() flatOwner { return flatOwner{r.codec.Repository, r.codec.Keys.ID} }

// openFiles opens the flat files of earlier runs. One that is not right, or holds nothing that others do not, goes.
func (x *index) openFiles() {
	paths, _ := filepath.Glob(filepath.Join(x.r.cache.indexes(), "*.flat"))
	var files []*flat
	for _, path := range paths {
		f, err := openFlat(path, x.r.flatOwner())
		if err == nil {
			files = append(files, f)
		} else if errors.Is(err, errFlat) {
			_ = os.Remove(path)
		}
	}
	slices.SortFunc(files, func(a, b *flat) int { return len(b.segments) - len(a.segments) })
	for _, f := range files {
		if !slices.ContainsFunc(f.segments, func(s [32]byte) bool { return !x.have[s] }) {
			f.close()
			_ = os.Remove(f.path)
			continue
		}
		x.adopt(f)
	}
	x.sweepTemporary()
}

// sweepTemporary removes what a crash left; no run lasts a day.
func (x *index) sweepTemporary() {
	left, _ := filepath.Glob(filepath.Join(x.r.cache.indexes(), "new-*"))
	for _, path := range left {
		if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			_ = os.Remove(path)
		}
	}
}

func (x *index) adopt(f *flat) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.files = append(x.files, f)
	for _, s := range f.segments {
		x.have[s] = true
	}
}

// has reports whether there is nothing to fetch of a segment: it is held, or can be looked into, or cannot be had.
func (x *index) has(segment [32]byte) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.have[segment] || x.bad[segment] != nil ||
		slices.ContainsFunc(x.far, func(s *remoteSegment) bool { return s.hash == segment })
}

func (x *index) close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, f := range x.files {
		f.close()
	}
	x.files = nil
}

// doWithout notes a segment that cannot be read. It is not asked for again: objects do not change.
func (x *index) doWithout(segment [32]byte, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.bad[segment] = err
}

// standsAlone notes a pack that was needed and that no segment describes.
func (x *index) standsAlone(p format.Pack) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.alone[p] = true
}

// errAlone: a pack holds what a manifest needs, and had to be asked for it.
var errAlone = errors.New("it is needed, but no index segment that can be read names it: one is damaged or lost")

// problems names the segments that are done without, and the packs that were needed all the same.
func (x *index) problems() (all []Problem) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for pack := range x.alone {
		all = append(all, Problem{Kind: Broken, Object: pack.String(), Err: errAlone})
	}
	for segment, err := range x.bad {
		all = append(all, Problem{Kind: Broken, Object: format.ObjectName(format.KindIndex, segment), Err: err})
	}
	slices.SortFunc(all, func(a, b Problem) int { return cmp.Compare(a.Object, b.Object) })
	return all
}

// IndexProblems names the index segments that could not be read, and the packs that were needed and that no other segment
// names, as far as the index was needed. Backup and restore do without: what no segment names is stored again, or found
// in the packs themselves.
func (r *Repo) IndexProblems() []Problem {
	r.indexOnce.Lock()
	defer r.indexOnce.Unlock()
	if r.index == nil {
		return nil
	}
	return r.index.problems()
}

func (x *index) snapshot() []*flat {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return slices.Clone(x.files)
}

// publish ends a flat file and uses it.
func (x *index) publish(w *flatWriter, path string, packs []format.PackRow, segments, inputs [][32]byte) error {
	f, err := w.finish(path, packs, segments, inputs)
	if err != nil {
		w.abandon()
		return fmt.Errorf("keep the index in the cache: %w", err)
	}
	x.adopt(f)
	return nil
}

// path of the flat file that holds what has these hashes.
func (x *index) path(hashes [][32]byte) string {
	h := blake3.New()
	for _, hash := range hashes {
		h.Write(hash[:])
	}
	return filepath.Join(x.r.cache.indexes(), hex.EncodeToString(h.Sum(nil)[:16])+".flat")
}

// compact merges small files into one when there are more than a lookup should search. The smallest go, and with them
// any that is not much larger than they are together: so each entry is written again only a few times. It reports
// whether all files were whole: those that are not go, and what they held must be fetched again.
func (x *index) compact() (whole bool) {
	files := slices.DeleteFunc(x.snapshot(), (*flat).salvaged)
	if len(files) <= maxFlats {
		return true
	}
	slices.SortFunc(files, func(a, b *flat) int { return cmp.Compare(a.count, b.count) })
	n, sum := 0, int64(0)
	for n < len(files) && (len(files)-n >= maxFlats-1 || files[n].count <= 2*sum) {
		sum += files[n].count
		n++
	}
	files = files[:n]
	var segments [][32]byte
	for _, f := range files {
		segments = append(segments, f.segments...)
	}
	merged, err := mergeFlats(x.r.cache.indexes(), x.path(segments), x.r.flatOwner(), files)
	switch {
	case err == nil:
		x.replace(files, merged)
	case errors.Is(err, errFlat):
		x.discardDamaged(files)
		return false
	}
	return true // a cache that cannot be written leaves many files to search, and that is all
}

func (x *index) discardDamaged(files []*flat) {
	for _, f := range files {
		for _, err := range f.all() {
			if err != nil {
				x.discard(f)
			}
		}
	}
}

func (x *index) replace(old []*flat, merged *flat) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.files = slices.DeleteFunc(x.files, func(f *flat) bool { return slices.Contains(old, f) })
	x.files = append(x.files, merged)
	for _, f := range old {
		f.close()
		if f.path != merged.path {
			_ = os.Remove(f.path)
		}
	}
}

// found is one place of a chunk.
type found struct {
	pack *format.PackRow
	n    int    // of the frame in the pack
	at   uint32 // where that begins in the container
	format.Entry
	indexed bool // a segment says so, not only the pack itself
}

// find yields every place of a chunk that the index knows, some perhaps twice. A file that proves damaged is taken out
// and its segments are fetched again; but not for ever, on a disk that damages whatever is written. A segment that is not
// where it was, was merged into another.
func (x *index) find(ctx context.Context, p chunk.Prefix, yield func(found) bool) error {
	for try := 0; ; try++ {
		again, err := x.search(ctx, p, yield)
		if !again {
			return err
		}
		if ctx.Err() != nil {
			return errors.Join(context.Cause(ctx), err)
		}
		if try == 2*maxFlats {
			return fmt.Errorf("the index cannot be read, again and again: %w", err)
		}
		if err := x.refresh(ctx); err != nil {
			return err
		}
	}
}

// search searches once, files first. again: what failed was taken out of use, and a refresh helps.
func (x *index) search(ctx context.Context, p chunk.Prefix, yield func(found) bool) (again bool, err error) {
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
func (x *index) searchFiles(p chunk.Prefix, yield func(found) bool) (bad *flat, stopped bool, err error) {
	buf, _ := x.buffers.Get().(*[flatBlock * format.EntrySize]byte)
	if buf == nil {
		buf = new([flatBlock * format.EntrySize]byte)
	}
	defer x.buffers.Put(buf)
	x.mu.RLock()
	defer x.mu.RUnlock()
	more := true
	for _, f := range slices.Backward(x.files) { // the newest last, and asked first
		err := f.find(p, buf[:], func(e format.Entry) bool {
			at := f.places[e.Frame]
			more = yield(found{&f.packs[at.pack], at.frame, at.offset, e, !f.salvaged()})
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
func (x *index) discard(f *flat) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !slices.Contains(x.files, f) {
		return false // somebody else was first, or it was merged into another
	}
	x.files = slices.DeleteFunc(x.files, func(g *flat) bool { return g == f })
	clear(x.have)
	for _, g := range x.files {
		for _, s := range g.segments {
			x.have[s] = true
		}
	}
	f.close()
	_ = os.Remove(f.path)
	return true
}
