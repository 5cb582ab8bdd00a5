// Package recovery writes recovery logs: files on this host with what a run has downloaded and not
// committed yet. If the run is killed, the next run does not download that again. A recovery log is
// only a hint: the next run stores each entry in the repository as if the server had just sent it.
//
//	this run   Open ─► Begin ─► Write … ─► End ─► Clear after each commit ─► Close
//	the next   Open ─► Recover: the entries of every log that a killed run left ─► Clear after the commit
//
//	DIR/ACCOUNT/RANDOM/lock       locked while the run is alive; a directory without a lock was left by a killed run
//	                   00000001 … files of entries, each sealed to the writer (docs/format.md, "Spill")
//
// recovery.go writes entries, and read.go recovers them. No file is synced: what was written
// survives the process, and a host that loses power loses the hint. Any failure ends the log, and
// nothing else.
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

// Log is the recovery log of one run for one account. A nil Log keeps nothing.
type Log struct {
	options Options
	dir     string // of this run
	lock    *os.File
	left    []string   // directories of killed runs that this run has locked
	locks   []*os.File // of left
	limits  limits
	from    time.Time // entries before this time are not kept

	mu      sync.Mutex
	free    []*file // no entry is being written to them
	files   int
	bytes   int64
	entries int
	failed  error // why the log keeps nothing more
}

// limits bound what a log costs. A run commits when its log is full. Of the logs of killed runs,
// twice as much is read.
type limits struct {
	bytes   int64         // of entries
	entries int           // also bounds the memory of the run that recovers them
	age     time.Duration // of a file, after which it is closed; a kill loses the buffers of open files
	spare   int64         // bytes of disk that must be free, for packs that wait to be uploaded
	stale   time.Duration // older logs are removed
}

var usualLimits = limits{
	bytes: 256 << 20, entries: 1 << 16, age: 30 * time.Second, spare: 512 << 20, stale: 7 * 24 * time.Hour,
}

// maxKey bounds a key, which holds the name of a mailbox.
const maxKey = 1 << 18

// Part of the format of the files (docs/format.md, "Spill").
const (
	magic      = "mailstrata spill 1\n"
	tagContext = "mailstrata v1 spill\x00"
	markEnd    = 0         // in place of the length of a block: a tag follows
	markVoid   = 1<<32 - 1 // likewise: the entry was dropped
	bufferSize = 32 << 10
)

// Options say to which account of which repository a log belongs, and how it is sealed.
type Options struct {
	Dir        string        // of all accounts of the repository
	Account    [16]byte      // hash of the account's name
	After      time.Duration // nothing is kept before this time has passed, because a run that ends by then needs no log
	Repository [16]byte
	KeyID      [8]byte
	Tag        chunk.Key       // authenticates entries
	Recipients []age.Recipient // if there are none, nothing is sealed
	Identity   age.Identity    // opens what is sealed to Recipients
}

// Open opens the log of an account for one run.
func Open(o Options) (*Log, error) { return open(o, usualLimits) }

func open(o Options, limits limits) (*Log, error) {
	l := &Log{options: o, limits: limits, from: time.Now().Add(o.After)}
	parent := filepath.Join(o.Dir, hex.EncodeToString(o.Account[:]))
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	if err := l.adopt(parent); err != nil {
		l.Close()
		return nil, err
	}
	dir, lock, err := makeLocked(parent)
	if err != nil {
		l.Close()
		return nil, err
	}
	l.dir, l.lock = dir, lock
	return l, nil
}

// makeLocked makes a locked directory. Until it is locked, its name keeps other runs from
// recovering it.
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

// file is a file of entries that is being written. One goroutine at a time uses it.
type file struct {
	file   *os.File
	sealed io.WriteCloser // nil: not sealed
	buffer *bufio.Writer
	tag    *chunk.Hasher // of the current entry
	began  time.Time
}

func (l *Log) newFile() (*file, error) {
	spare, err := spareBytes(l.dir)
	if err != nil {
		return nil, err
	}
	if spare < l.limits.spare {
		return nil, fmt.Errorf("only %d MB are free in %s, and packs need them", spare/1e6, l.dir)
	}
	l.files++
	opened, err := os.OpenFile(filepath.Join(l.dir, fmt.Sprintf("%08d", l.files)),
		os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	f := &file{file: opened, tag: l.options.Tag.New(), began: time.Now()}
	var to io.Writer = opened
	if len(l.options.Recipients) > 0 {
		if f.sealed, err = age.Encrypt(opened, l.options.Recipients...); err != nil {
			opened.Close()
			return nil, fmt.Errorf("seal: %w", err)
		}
		to = f.sealed
	}
	f.buffer = bufio.NewWriterSize(to, bufferSize)
	_, _ = f.buffer.Write(l.options.head()) // Flush returns its error again
	return f, nil
}

// head returns the bytes that a file of entries begins with.
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

// Entry is an entry that is being written. A nil Entry keeps nothing.
type Entry struct {
	log  *Log
	file *file
	size int64
	err  error
}

// Begin begins an entry with a key that the caller chooses. It returns nil if it is too early, or
// if the log is full or has failed. Several goroutines may write entries at once, but only one of
// them may use each entry.
func (l *Log) Begin(key []byte) *Entry {
	if l == nil || len(key) == 0 || len(key) > maxKey || time.Now().Before(l.from) {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil || l.full() {
		return nil
	}
	file, err := l.take()
	if err != nil {
		l.fail(err)
		return nil
	}
	e := &Entry{log: l, file: file}
	beginTag(file.tag, l.options.Account, key)
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

// take returns a file that is free, and not too old.
func (l *Log) take() (*file, error) {
	for len(l.free) > 0 {
		f := l.free[len(l.free)-1]
		l.free = l.free[:len(l.free)-1]
		if time.Since(f.began) < l.limits.age {
			return f, nil
		}
		if err := f.close(); err != nil {
			return nil, err
		}
	}
	return l.newFile()
}

// Write adds to the entry. It never fails: if it cannot write, the entry is not kept.
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

// End completes the entry.
func (e *Entry) End() {
	if e != nil {
		tag := e.file.tag.Sum()
		e.finish(markEnd, tag[:])
	}
}

// Drop abandons the entry.
func (e *Entry) Drop() {
	if e != nil {
		e.finish(markVoid, nil)
	}
}

func (e *Entry) finish(mark uint32, tag []byte) {
	e.write(append(binary.LittleEndian.AppendUint32(nil, mark), tag...))
	l := e.log
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bytes += e.size
	l.entries++
	switch {
	case e.err == nil && l.failed == nil:
		l.free = append(l.free, e.file)
	default:
		_ = e.file.close()
		l.fail(e.err)
	}
}

// full reports whether a limit is reached. The caller holds mu.
func (l *Log) full() bool { return l.bytes >= l.limits.bytes || l.entries >= l.limits.entries }

// Full reports whether the log keeps nothing more until Clear.
func (l *Log) Full() bool {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.full()
}

// Failed returns the error after which the log keeps nothing more, or nil.
func (l *Log) Failed() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

// fail ends the log and removes its files, because packs may need the space. The caller holds mu.
func (l *Log) fail(err error) {
	if l.failed == nil {
		l.failed = err
	}
	l.clear()
}

// clear removes the files of this run. The caller holds mu.
func (l *Log) clear() {
	for _, f := range l.free {
		_ = f.close()
	}
	l.free, l.bytes, l.entries = nil, 0, 0
	for _, name := range entryFiles(l.dir) {
		_ = os.Remove(name)
	}
}

// entryFiles returns the paths of a directory's files of entries, the oldest first.
func entryFiles(dir string) (paths []string) {
	found, _ := os.ReadDir(dir) // a directory that cannot be read has no files
	for _, f := range found {
		if f.Type().IsRegular() && len(f.Name()) == 8 {
			paths = append(paths, filepath.Join(dir, f.Name()))
		}
	}
	return paths
}

// Clear removes the entries of this run, which are committed now, and with recovered those of
// killed runs too. No entry may be open.
func (l *Log) Clear(recovered bool) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clear()
	if recovered {
		l.release(true)
	}
}

// release unlocks the directories of killed runs, and removes them if asked to.
func (l *Log) release(remove bool) {
	for i, dir := range l.left {
		if remove {
			_ = os.RemoveAll(dir)
		}
		_ = l.locks[i].Close()
	}
	l.left, l.locks = nil, nil
}

// Close closes the log. The next run recovers what was not cleared.
func (l *Log) Close() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.free {
		_ = f.close()
	}
	l.free, l.failed = nil, fs.ErrClosed
	l.release(false)
	if l.lock == nil {
		return
	}
	if len(entryFiles(l.dir)) == 0 {
		_ = os.RemoveAll(l.dir)
		_ = os.Remove(filepath.Dir(l.dir)) // if no other run has a directory there
	}
	_ = l.lock.Close()
}
