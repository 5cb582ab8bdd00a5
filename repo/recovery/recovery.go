package recovery

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"filippo.io/age"
	"github.com/mailstrata/mailstrata/chunk"
)

// Log keeps on this host what a run has got and not committed yet, so that the next run need not get it again where
// this one is killed. It is a hint and nothing else: what is taken from it is put into the repository as if it had just
// come.
//
//	<cache>/spill/<account>/<random>/lock   held while the run lives: what is not locked, the dead have left
//	                                 00000001 …   files of entries, each sealed to the writer (docs/format.md, "Spill")
//
// All that was written survives the process, without any fsync: the files are the kernel's. A host that loses its power
// loses the hint. Whatever fails here ends the spilling, and nothing else.
//
// A nil Log keeps nothing.
type Log struct {
	options Options
	dir     string // this run's own
	lock    *os.File
	left    []string   // directories that the dead have left, this run holds
	locks   []*os.File // of these
	limits  limits
	from    time.Time // what comes earlier is not kept

	mu      sync.Mutex
	free    []*file // at rest
	files   int
	bytes   int64
	entries int
	failed  error // why nothing more is kept
}

// limits bound what a spill costs. Who has filled one commits. Of what dead runs have left, twice as much counts.
type limits struct {
	bytes   int64         // of entries
	entries int           // also bounds the memory of who takes them up
	age     time.Duration // of a file: what waits in its buffers came within this time
	spare   int64         // bytes of disk that must be free, for packs on their way
	stale   time.Duration // what is older is of no use to anybody
}

var usualLimits = limits{
	bytes: 256 << 20, entries: 1 << 16, age: 30 * time.Second, spare: 512 << 20, stale: 7 * 24 * time.Hour,
}

// maxKey bounds a key: what names a message, with a name of a mailbox in it.
const maxKey = 1 << 18

// Marks of a block's length, and what tags are made over first. Part of the format of spills.
const (
	magic      = "mailstrata spill 1\n"
	tagContext = "mailstrata v1 spill\x00"
	markEnd    = 0
	markVoid   = 1<<32 - 1
	bufferSize = 32 << 10
)

// Options say whose a Log is, and how it is sealed.
type Options struct {
	Dir        string        // of all accounts of the repository
	Account    [16]byte      // hash of the account's name
	After      time.Duration // what comes in this time is not kept: a run that is over by then has no use for it
	Repository [16]byte
	KeyID      [8]byte
	Tag        chunk.Key       // of entries
	Recipients []age.Recipient // none: nothing is sealed
	Identity   age.Identity    // that opens what is sealed to Recipients
}

// Open opens the log of an account for one run.
func Open(o Options) (*Log, error) { return open(o, usualLimits) }

func open(o Options, limits limits) (*Log, error) {
	s := &Log{options: o, limits: limits, from: time.Now().Add(o.After)}
	parent := filepath.Join(o.Dir, hex.EncodeToString(o.Account[:]))
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

// file is a file of entries that is being written, by one at a time.
type file struct {
	file   *os.File
	sealed io.WriteCloser // nil: not sealed
	buffer *bufio.Writer
	tag    *chunk.Hasher // of the entry under way
	began  time.Time
}

func (s *Log) newFile() (*file, error) {
	spare, err := spareBytes(s.dir)
	if err != nil {
		return nil, err
	}
	if spare < s.limits.spare {
		return nil, fmt.Errorf("%s has %d MB left, and packs need them", s.dir, spare/1e6)
	}
	s.files++
	opened, err := os.OpenFile(filepath.Join(s.dir, fmt.Sprintf("%08d", s.files)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	f := &file{file: opened, tag: s.options.Tag.New(), began: time.Now()}
	var to io.Writer = opened
	if len(s.options.Recipients) > 0 {
		if f.sealed, err = age.Encrypt(opened, s.options.Recipients...); err != nil {
			opened.Close()
			return nil, fmt.Errorf("seal: %w", err)
		}
		to = f.sealed
	}
	f.buffer = bufio.NewWriterSize(to, bufferSize)
	_, _ = f.buffer.Write(s.options.head()) // its error comes again with Flush
	return f, nil
}

// head is what a file of entries begins with.
func (o *Options) head() []byte {
	head := append([]byte(magic), o.Repository[:]...)
	return append(head, o.KeyID[:]...)
}

func (f *file) close() error {
	err := f.buffer.Flush()
	if f.sealed != nil {
		err = errors.Join(err, f.sealed.Close())
	}
	return errors.Join(err, f.file.Close())
}

// Entry is something that is on its way into a Spill. A nil one goes nowhere.
type Entry struct {
	s    *Log
	file *file
	size int64
	err  error
}

// Begin begins an entry under a key of the caller's making. It may be called from many goroutines, each for an entry of
// its own. nil: it is too early, or the spill is full, or has failed.
func (s *Log) Begin(key []byte) *Entry {
	if s == nil || len(key) == 0 || len(key) > maxKey || time.Now().Before(s.from) {
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
	e := &Entry{s: s, file: file}
	beginTag(file.tag, s.options.Account, key)
	e.write(binary.LittleEndian.AppendUint32(nil, uint32(len(key))))
	e.write(key)
	return e
}

// beginTag begins the tag of an entry.
func beginTag(tag *chunk.Hasher, account [16]byte, key []byte) {
	tag.Reset()
	tag.Write([]byte(tagContext))
	tag.Write(account[:])
	tag.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(key))))
	tag.Write(key)
}

// take gives a file that nobody writes to, young enough.
func (s *Log) take() (*file, error) {
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
func (e *Entry) Write(p []byte) (int, error) {
	if e == nil || e.err != nil || len(p) == 0 {
		return len(p), nil
	}
	e.file.tag.Write(p)
	e.size += int64(len(p))
	e.write(binary.LittleEndian.AppendUint32(nil, uint32(len(p))))
	e.write(p)
	return len(p), nil
}

func (e *Entry) write(p []byte) {
	if e.err == nil {
		_, e.err = e.file.buffer.Write(p)
	}
}

// End makes the entry one that counts.
func (e *Entry) End() {
	if e != nil {
		tag := e.file.tag.Sum()
		e.finish(markEnd, tag[:])
	}
}

// Drop makes the entry void.
func (e *Entry) Drop() {
	if e != nil {
		e.finish(markVoid, nil)
	}
}

func (e *Entry) finish(mark uint32, tag []byte) {
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
func (s *Log) full() bool { return s.bytes >= s.limits.bytes || s.entries >= s.limits.entries }

// Full reports whether the spill keeps nothing more until it is emptied.
func (s *Log) Full() bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.full()
}

// Failed is why the spill keeps nothing more at all; nil: it does.
func (s *Log) Failed() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// fail ends the spilling, and gives back the room, which others may need. With the lock held.
func (s *Log) fail(err error) {
	if s.failed == nil {
		s.failed = err
	}
	s.clear()
}

// clear removes the files of this run.
func (s *Log) clear() {
	for _, f := range s.free {
		_ = f.close()
	}
	s.free, s.bytes, s.entries = nil, 0, 0
	for _, name := range entryFiles(s.dir) {
		_ = os.Remove(name)
	}
}

// entryFiles are the paths of a directory's files of entries, in the order in which they were begun.
func entryFiles(dir string) (paths []string) {
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
func (s *Log) Empty(left bool) {
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
func (s *Log) release(remove bool) {
	for i, dir := range s.left {
		if remove {
			_ = os.RemoveAll(dir)
		}
		_ = s.locks[i].Close()
	}
	s.left, s.locks = nil, nil
}

// Close ends the run's spilling. What was not emptied is there for the next run.
func (s *Log) Close() {
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
	if len(entryFiles(s.dir)) == 0 {
		_ = os.RemoveAll(s.dir)
		_ = os.Remove(filepath.Dir(s.dir)) // if no other run has anything there
	}
	_ = s.lock.Close()
}
