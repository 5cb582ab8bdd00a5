package repo

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
)

// Spill keeps on this host what a run has got and not committed yet, so that the next run need not get it again where
// this one is killed. It is a hint and nothing else: what is taken from it is put into the repository as if it had just
// come.
//
//	<cache>/spill/<account>/<random>/lock   held while the run lives: what is not locked, the dead have left
//	                                 00000001 …   files of entries, each sealed to the writer (docs/format.md, "Spill")
//
// All that was written survives the process, without any fsync: the files are the kernel's. A host that loses its power
// loses the hint. Whatever fails here ends the spilling, and nothing else.
//
// A nil Spill keeps nothing.
type Spill struct {
	r       *Repo
	account [16]byte
	dir     string // this run's own
	lock    *os.File
	left    []string   // directories that the dead have left, this run holds
	locks   []*os.File // of these
	limits  spillLimits
	from    time.Time // what comes earlier is not kept

	mu      sync.Mutex
	free    []*spillFile // at rest
	files   int
	bytes   int64
	entries int
	failed  error // why nothing more is kept
}

// spillLimits bound what a spill costs. Who has filled one commits. Of what dead runs have left, twice as much counts.
type spillLimits struct {
	bytes   int64         // of entries
	entries int           // also bounds the memory of who takes them up
	age     time.Duration // of a file: what waits in its buffers came within this time
	spare   int64         // bytes of disk that must be free, for packs on their way
	stale   time.Duration // what is older is of no use to anybody
}

var usualSpill = spillLimits{
	bytes: 256 << 20, entries: 1 << 16, age: 30 * time.Second, spare: 512 << 20, stale: 7 * 24 * time.Hour,
}

// maxSpillKey bounds a key: what names a message, with a name of a mailbox in it.
const maxSpillKey = 1 << 18

// Marks of a block's length, and what tags are made over first. Part of the format of spills.
const (
	spillMagic  = "mailstrata spill 1\n"
	spillTag    = "mailstrata v1 spill\x00"
	spillEnd    = 0
	spillVoid   = 1<<32 - 1
	spillBuffer = 32 << 10
)

// errNoCache: where files go with the process, spilling is of no use.
var errNoCache = errors.New("there is no lasting cache directory")

// Spill opens the spill of an account for one run. What comes in the time until after is not kept: a run that is over by then
// has no use for it.
func (r *Repo) Spill(account string, after time.Duration) (*Spill, error) {
	return r.spill(account, after, usualSpill)
}

func (r *Repo) spill(account string, after time.Duration, limits spillLimits) (*Spill, error) {
	if _, temporary := r.cache.place(); temporary {
		return nil, errNoCache
	}
	s := &Spill{r: r, limits: limits, from: time.Now().Add(after)}
	id := r.keys.account.Sum([]byte(account))
	copy(s.account[:], id[:])
	parent := filepath.Join(r.cache.spills(), r.AccountDir(account))
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	if err := s.adopt(parent); err != nil {
		s.Close()
		return nil, err
	}
	dir, lock, err := makeLocked(parent)
	if err != nil {
		s.Close()
		return nil, err
	}
	s.dir, s.lock = dir, lock
	return s, nil
}

// makeLocked makes a directory that nobody takes for left behind. It has another name until it is locked.
func makeLocked(parent string) (dir string, lock *os.File, err error) {
	made, err := os.MkdirTemp(parent, ".new-")
	if err != nil {
		return "", nil, fmt.Errorf("make a directory: %w", err)
	}
	if lock, err = lockDir(made); err != nil {
		_ = os.RemoveAll(made)
		return "", nil, err
	}
	dir = filepath.Join(parent, filepath.Base(made)[len(".new-"):])
	if err := os.Rename(made, dir); err != nil {
		lock.Close()
		_ = os.RemoveAll(made)
		return "", nil, fmt.Errorf("make a directory: %w", err)
	}
	return dir, lock, nil
}

// spillFile is a file of entries that is being written, by one at a time.
type spillFile struct {
	file   *os.File
	sealed io.WriteCloser
	buffer *bufio.Writer
	tag    *chunk.Hasher // of the entry under way
	began  time.Time
}

func (s *Spill) newFile() (*spillFile, error) {
	spare, err := spareBytes(s.dir)
	if err != nil {
		return nil, err
	}
	if spare < s.limits.spare {
		return nil, fmt.Errorf("%s has %d MB left, and packs need them", s.dir, spare/1e6)
	}
	s.files++
	file, err := os.OpenFile(filepath.Join(s.dir, fmt.Sprintf("%08d", s.files)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	sealed, _, err := seal(file, s.r.seals.recipients(KindCatalog))
	if err != nil {
		file.Close()
		return nil, err
	}
	f := &spillFile{file: file, sealed: sealed, buffer: bufio.NewWriterSize(sealed, spillBuffer), tag: s.r.keys.tag.New(), began: time.Now()}
	_, _ = f.buffer.Write(s.r.spillHead()) // its error comes again with Flush
	return f, nil
}

// spillHead is what a file of entries begins with.
func (r *Repo) spillHead() []byte {
	head := append([]byte(spillMagic), r.id[:]...)
	return append(head, r.keys.id[:]...)
}

func (f *spillFile) close() error {
	return errors.Join(f.buffer.Flush(), f.sealed.Close(), f.file.Close())
}

// SpillEntry is something that is on its way into a Spill. A nil one goes nowhere.
type SpillEntry struct {
	s    *Spill
	file *spillFile
	size int64
	err  error
}

// Begin begins an entry under a key of the caller's making. It may be called from many goroutines, each for an entry of
// its own. nil: it is too early, or the spill is full, or has failed.
func (s *Spill) Begin(key []byte) *SpillEntry {
	if s == nil || len(key) == 0 || len(key) > maxSpillKey || time.Now().Before(s.from) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil || s.full() {
		return nil
	}
	file, err := s.take()
	if err != nil {
		s.fail(err)
		return nil
	}
	e := &SpillEntry{s: s, file: file}
	beginSpillTag(file.tag, s.account, key)
	e.write(binary.LittleEndian.AppendUint32(nil, uint32(len(key))))
	e.write(key)
	return e
}

// beginSpillTag begins the tag of an entry.
func beginSpillTag(tag *chunk.Hasher, account [16]byte, key []byte) {
	tag.Reset()
	tag.Write([]byte(spillTag))
	tag.Write(account[:])
	tag.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(key))))
	tag.Write(key)
}

// take gives a file that nobody writes to, young enough.
func (s *Spill) take() (*spillFile, error) {
	for len(s.free) > 0 {
		f := s.free[len(s.free)-1]
		s.free = s.free[:len(s.free)-1]
		if time.Since(f.began) < s.limits.age {
			return f, nil
		}
		if err := f.close(); err != nil {
			return nil, err
		}
	}
	return s.newFile()
}

// Write adds to the entry. It never fails: where it cannot, nothing is kept.
func (e *SpillEntry) Write(p []byte) (int, error) {
	if e == nil || e.err != nil || len(p) == 0 {
		return len(p), nil
	}
	e.file.tag.Write(p)
	e.size += int64(len(p))
	e.write(binary.LittleEndian.AppendUint32(nil, uint32(len(p))))
	e.write(p)
	return len(p), nil
}

func (e *SpillEntry) write(p []byte) {
	if e.err == nil {
		_, e.err = e.file.buffer.Write(p)
	}
}

// End makes the entry one that counts.
func (e *SpillEntry) End() {
	if e != nil {
		tag := e.file.tag.Sum()
		e.finish(spillEnd, tag[:])
	}
}

// Drop makes the entry void.
func (e *SpillEntry) Drop() {
	if e != nil {
		e.finish(spillVoid, nil)
	}
}

func (e *SpillEntry) finish(mark uint32, tag []byte) {
	e.write(append(binary.LittleEndian.AppendUint32(nil, mark), tag...))
	s := e.s
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes += e.size
	s.entries++
	switch {
	case e.err == nil && s.failed == nil:
		s.free = append(s.free, e.file)
	default:
		_ = e.file.close()
		s.fail(e.err)
	}
}

// full reports whether the limits are reached, with the lock held.
func (s *Spill) full() bool { return s.bytes >= s.limits.bytes || s.entries >= s.limits.entries }

// Full reports whether the spill keeps nothing more until it is emptied.
func (s *Spill) Full() bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.full()
}

// Failed is why the spill keeps nothing more at all; nil: it does.
func (s *Spill) Failed() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// fail ends the spilling, and gives back the room, which others may need. With the lock held.
func (s *Spill) fail(err error) {
	if s.failed == nil {
		s.failed = err
	}
	s.clear()
}

// clear removes the files of this run.
func (s *Spill) clear() {
	for _, f := range s.free {
		_ = f.close()
	}
	s.free, s.bytes, s.entries = nil, 0, 0
	for _, name := range spillFiles(s.dir) {
		_ = os.Remove(name)
	}
}

// spillFiles are the paths of a directory's files of entries, in the order in which they were begun.
func spillFiles(dir string) (paths []string) {
	found, _ := os.ReadDir(dir) // what is not there is not read
	for _, f := range found {
		if f.Type().IsRegular() && len(f.Name()) == 8 {
			paths = append(paths, filepath.Join(dir, f.Name()))
		}
	}
	return paths
}

// Empty forgets what this run has spilled: it is committed. With left, also what dead runs had left. No entry may be under
// way.
func (s *Spill) Empty(left bool) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	if left {
		s.release(true)
	}
}

// release lets go of what dead runs had left.
func (s *Spill) release(remove bool) {
	for i, dir := range s.left {
		if remove {
			_ = os.RemoveAll(dir)
		}
		_ = s.locks[i].Close()
	}
	s.left, s.locks = nil, nil
}

// Close ends the run's spilling. What was not emptied is there for the next run.
func (s *Spill) Close() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.free {
		_ = f.close()
	}
	s.free, s.failed = nil, fs.ErrClosed
	s.release(false)
	if s.lock == nil {
		return
	}
	if len(spillFiles(s.dir)) == 0 {
		_ = os.RemoveAll(s.dir)
		_ = os.Remove(filepath.Dir(s.dir)) // if no other run has anything there
	}
	_ = s.lock.Close()
}
