package repo

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/zeebo/blake3"
)

// index finds chunks. It knows every index segment that was listed, in the form of a few flat files.
type index struct {
	r   *Repo
	dir string

	refreshing sync.Mutex // one at a time looks for new segments
	looked     time.Time  // when, last

	mu    sync.RWMutex // held for reading while files are searched
	files []*flat
	have  map[[32]byte]bool  // segments that the files hold
	bad   map[[32]byte]error // segments that cannot be read, and why
	alone map[Pack]bool      // packs that were needed, and that no segment describes

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
	x := &index{r: r, dir: r.cache.indexes(), have: map[[32]byte]bool{}, bad: map[[32]byte]error{}, alone: map[Pack]bool{}}
	x.openFiles()
	if err := x.refresh(ctx); err != nil {
		x.close()
		return nil, err
	}
	r.index = x
	return x, nil
}

func (r *Repo) flatOwner() flatOwner { return flatOwner{r.id, r.keys.id} }

// openFiles opens the flat files of earlier runs. One that is not right, or holds nothing that others do not, goes.
func (x *index) openFiles() {
	paths, _ := filepath.Glob(filepath.Join(x.dir, "*.flat"))
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
	left, _ := filepath.Glob(filepath.Join(x.dir, "new-*"))
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

// has reports whether there is nothing to fetch of a segment: it is held, or cannot be had.
func (x *index) has(segment [32]byte) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.have[segment] || x.bad[segment] != nil
}

func (x *index) close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, f := range x.files {
		f.close()
	}
	x.files = nil
}

// looks is how often segments are listed before what is not right then is done without.
const looks = 3

// refresh lists the segments and fetches those that are new. A segment that vanishes meanwhile was merged into
// another, which a second listing shows; so does it what a damaged file held, which went.
func (x *index) refresh(ctx context.Context) error {
	x.refreshing.Lock()
	defer x.refreshing.Unlock()
	for look := range looks {
		now := time.Now()
		usable, err := x.fetchNew(ctx, look == looks-1)
		if err == nil && usable {
			x.looked = now
			return nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// refreshSince refreshes unless that was done after t.
func (x *index) refreshSince(ctx context.Context, t time.Time) error {
	x.refreshing.Lock()
	fresh := x.looked.After(t)
	x.refreshing.Unlock()
	if fresh {
		return nil
	}
	return x.refresh(ctx)
}

// refreshOnMiss refreshes, unless that was done a moment ago and after the last manifest was read: what a manifest names
// was indexed before it was put. Whoever missed something asks again in any case: another may have refreshed meanwhile.
func (x *index) refreshOnMiss(ctx context.Context) error {
	x.refreshing.Lock()
	recent := time.Since(x.looked) < refreshPause && x.looked.UnixNano() >= x.r.manifestRead.Load()
	x.refreshing.Unlock()
	if recent {
		return nil
	}
	return x.refresh(ctx)
}

// fetchNew reports whether all files can be used: none was damaged, and none holds a segment that the store has no
// more. What such a segment said may still be true, but a store that was emptied or set back must not be taken for full.
// A segment that cannot be read is noted and done without, for all are only what packs say of themselves; last: also one
// that is listed and yet not there.
func (x *index) fetchNew(ctx context.Context, last bool) (usable bool, err error) {
	usable = true
	before, listed := x.held(), map[[32]byte]bool{}
	for o, err := range x.r.store.List(ctx, KindIndex.folder()) {
		if err != nil {
			return false, fmt.Errorf("list the index: %w", err)
		}
		hash, ok := parseHash(strings.TrimPrefix(o.Name, KindIndex.folder()))
		listed[hash] = ok
		if !ok || x.has(hash) {
			continue
		}
		err = x.fetch(ctx, o, hash)
		if errors.Is(err, ErrDamaged) || errors.Is(err, ErrNotMine) || last && errors.Is(err, fs.ErrNotExist) {
			x.doWithout(hash, err)
			continue
		}
		if err != nil {
			return false, fmt.Errorf("read %s: %w", o.Name, err)
		}
		usable = x.compact() && usable
	}
	replaced := x.replaced()
	for _, f := range x.snapshot() {
		if slices.ContainsFunc(f.segments, func(s [32]byte) bool { return before[s] && !listed[s] && !replaced[s] }) {
			usable = !x.discard(f) && usable
		}
	}
	return usable, nil
}

// replaced is which segments those at hand replace: that these are not listed any more is as it should be.
func (x *index) replaced() map[[32]byte]bool {
	all := map[[32]byte]bool{}
	for _, f := range x.snapshot() {
		for _, s := range f.inputs {
			all[s] = true
		}
	}
	return all
}

// doWithout notes a segment that cannot be read. It is not asked for again: objects do not change.
func (x *index) doWithout(segment [32]byte, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.bad[segment] = err
}

// standsAlone notes a pack that was needed and that no segment describes.
func (x *index) standsAlone(p Pack) {
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
		all = append(all, Problem{Kind: Broken, Object: pack.name(), Err: errAlone})
	}
	for segment, err := range x.bad {
		all = append(all, Problem{Kind: Broken, Object: objectName(KindIndex, segment), Err: err})
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

// held is which segments the files hold now.
func (x *index) held() map[[32]byte]bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return maps.Clone(x.have)
}

func (x *index) snapshot() []*flat {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return slices.Clone(x.files)
}

// fetch makes a flat file of a segment.
func (x *index) fetch(ctx context.Context, o Object, hash [32]byte) error {
	file, err := x.r.download(ctx, o.Name, hash)
	if err != nil {
		return err
	}
	defer file.Close()
	seg, err := x.r.openSegment(file)
	if err != nil {
		return err
	}
	w, err := newFlatWriter(x.dir, x.r.flatOwner())
	if err != nil {
		return fmt.Errorf("keep it in the cache: %w", err)
	}
	for e, err := range seg.entries() {
		if err == nil {
			err = w.add(e)
		}
		if err != nil {
			w.abandon()
			return err
		}
	}
	return x.publish(w, x.path([][32]byte{hash}), seg.packs, [][32]byte{hash}, seg.c.table.Inputs)
}

// publish ends a flat file and uses it.
func (x *index) publish(w *flatWriter, path string, packs []packRow, segments, inputs [][32]byte) error {
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
	return filepath.Join(x.dir, hex.EncodeToString(h.Sum(nil)[:16])+".flat")
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
	merged, err := mergeFlats(x.dir, x.path(segments), x.r.flatOwner(), files)
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
	pack *packRow
	n    int    // of the frame in the pack
	at   uint32 // where that begins in the container
	entry
	indexed bool // a segment says so, not only the pack itself
}

// find yields every place of a chunk that the index knows, some perhaps twice. A file that proves damaged is taken out
// and its segments are fetched again; but not for ever, on a disk that damages whatever is written.
func (x *index) find(ctx context.Context, p chunk.Prefix, yield func(found) bool) error {
	for try := 0; ; try++ {
		bad, err := x.search(p, yield)
		if bad == nil {
			return nil
		}
		if ctx.Err() != nil {
			return errors.Join(context.Cause(ctx), err)
		}
		if try == 2*maxFlats {
			return fmt.Errorf("the cached index is damaged again and again: %w", err)
		}
		x.discard(bad)
		if err := x.refresh(ctx); err != nil {
			return err
		}
	}
}

// search tells which file could not be searched.
func (x *index) search(p chunk.Prefix, yield func(found) bool) (*flat, error) {
	buf, _ := x.buffers.Get().(*[flatBlock * entrySize]byte)
	if buf == nil {
		buf = new([flatBlock * entrySize]byte)
	}
	defer x.buffers.Put(buf)
	x.mu.RLock()
	defer x.mu.RUnlock()
	more := true
	for _, f := range slices.Backward(x.files) { // the newest last, and asked first
		err := f.find(p, buf[:], func(e entry) bool {
			at := f.places[e.frame]
			more = yield(found{&f.packs[at.pack], at.frame, at.offset, e, !f.salvaged()})
			return more
		})
		if err != nil {
			return f, err
		}
		if !more {
			return nil, nil
		}
	}
	return nil, nil
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

// download fetches an object into a temporary file, still sealed, and checks its hash.
func (r *Repo) download(ctx context.Context, name string, hash [32]byte) (*os.File, error) {
	body, size, err := r.store.Get(ctx, name, 0, -1)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	file, err := os.CreateTemp(r.cache.spools(), "get-*")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(file.Name())
	h := blake3.New()
	n, err := io.Copy(io.MultiWriter(file, h), io.LimitReader(body, size))
	if err == nil && (n != size || [32]byte(h.Sum(nil)) != hash) {
		err = damaged("its bytes do not hash to its name")
	}
	if err != nil {
		file.Close()
		_ = os.Remove(file.Name())
		return nil, err
	}
	return file, nil
}

func (r *Repo) openSegment(file *os.File) (*segment, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	plain, size, err := unsealAt(file, info.Size(), r.seals.writer)
	if err != nil {
		return nil, err
	}
	c, err := parseContainer(plain, size, &r.keys)
	if err != nil {
		return nil, err
	}
	return r.parseSegment(c)
}
