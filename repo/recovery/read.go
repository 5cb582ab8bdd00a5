package recovery

import (
	"bufio"
	"cmp"
	"context"
	"crypto/hmac"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/mailstrata/mailstrata/chunk"
)

// adopt locks the directories that killed runs left, the newest first. It removes those that are
// stale or too much.
func (l *Log) adopt(parent string) error {
	found, err := os.ReadDir(parent)
	if err != nil {
		return fmt.Errorf("look for logs of killed runs: %w", err)
	}
	born := func(d fs.DirEntry) time.Time {
		if info, err := d.Info(); err == nil {
			return info.ModTime()
		}
		return time.Time{}
	}
	slices.SortStableFunc(found, func(a, b fs.DirEntry) int { return born(b).Compare(born(a)) })
	var held int64
	for _, d := range found {
		dir := filepath.Join(parent, d.Name())
		stale := time.Since(born(d)) > l.limits.stale
		if !d.IsDir() || strings.HasPrefix(d.Name(), ".") && !stale {
			continue // a run is creating it
		}
		lock, err := lockDir(dir)
		if err != nil {
			continue // a run uses it, or it cannot be locked
		}
		size := dirSize(dir)
		if held += size; stale || size == 0 || held > 3*l.limits.bytes { // twice the limit, and the overhead of entries
			_ = os.RemoveAll(dir)
			_ = lock.Close()
			continue
		}
		l.left, l.locks = append(l.left, dir), append(l.locks, lock)
	}
	return nil
}

// dirSize returns the size of a directory's files of entries.
func dirSize(dir string) (bytes int64) {
	for _, path := range entryFiles(dir) {
		if info, err := os.Stat(path); err == nil {
			bytes += info.Size()
		}
	}
	return bytes
}

// Recover calls read for each entry that killed runs of this account left on this host. The body of
// an entry that is cut short, damaged or dropped returns an error: read returns that error, and the
// next entry follows. Any other error of read ends the recovery. problem says which file could not
// be read to its end; the last files of a killed run never can.
func (l *Log) Recover(ctx context.Context, read func(key []byte, body io.Reader) error) (problem, err error) {
	if l == nil {
		return nil, nil
	}
	entries := 0
	counted := func(key []byte, body io.Reader) error {
		if entries++; entries > 2*l.limits.entries {
			return errLimit
		}
		return read(key, body)
	}
	for _, dir := range l.left {
		for _, path := range entryFiles(dir) {
			cut, err := l.readFile(ctx, path, counted)
			if errors.Is(err, errLimit) {
				return problem, nil
			}
			if err != nil {
				return problem, err
			}
			if cut != nil {
				problem = cmp.Or(problem, fmt.Errorf("%s: %w", path, cut))
			}
		}
	}
	return problem, nil
}

// errLimit ends the recovery after as many entries as there is memory for.
var errLimit = errors.New("too many entries")

// readFile reads the entries of a file as far as possible. cut says why it could not read to the
// end.
func (l *Log) readFile(ctx context.Context, path string, read func([]byte, io.Reader) error) (cut, err error) {
	file, err := os.Open(path)
	if err != nil {
		return err, nil
	}
	defer file.Close()
	plain, err := l.options.openFile(file)
	if err != nil {
		return err, nil
	}
	for ctx.Err() == nil {
		body, key, err := l.nextEntry(plain)
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			return err, nil
		}
		failed := read(key, body)
		if _, err := io.Copy(io.Discard, body); err != nil && !body.over {
			return err, nil
		}
		if failed != nil && !errors.Is(failed, body.err) {
			return nil, failed
		}
	}
	return nil, context.Cause(ctx)
}

// openFile unseals a file of entries and checks to which repository it belongs.
func (o *Options) openFile(file io.Reader) (_ *bufio.Reader, err error) {
	if len(o.Recipients) > 0 {
		if file, err = age.Decrypt(file, o.Identity); err != nil {
			return nil, fmt.Errorf("unseal: %w", err)
		}
	}
	plain := bufio.NewReaderSize(file, 2*bufferSize)
	head := make([]byte, len(o.head()))
	if _, err := io.ReadFull(plain, head); err != nil {
		return nil, fmt.Errorf("it has no head: %w", err)
	}
	if string(head) != string(o.head()) {
		return nil, errors.New("it belongs to another repository or version")
	}
	return plain, nil
}

// nextEntry reads the key of the next entry. It returns io.EOF after the last one.
func (l *Log) nextEntry(plain *bufio.Reader) (*body, []byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(plain, length[:]); err != nil {
		return nil, nil, err
	}
	n := binary.LittleEndian.Uint32(length[:])
	if n == 0 || n > maxKey {
		return nil, nil, fmt.Errorf("damaged: a key of %d bytes", n)
	}
	key := make([]byte, n)
	if _, err := io.ReadFull(plain, key); err != nil {
		return nil, nil, noEOF(err)
	}
	tag := l.options.Tag.New()
	beginTag(tag, l.options.Account, key)
	return &body{from: plain, tag: tag}, key, nil
}

// errVoid is the error of an entry that its run dropped.
var errVoid = errors.New("the run dropped it")

// body reads the blocks of an entry. It returns io.EOF only after the right tag.
type body struct {
	from *bufio.Reader
	tag  *chunk.Hasher
	left uint32 // of the block
	over bool   // the entry was read to its end, intact or not: another may follow
	err  error
}

func (b *body) Read(p []byte) (int, error) {
	if b.err == nil && b.left == 0 {
		b.err = b.nextBlock()
	}
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.from.Read(p[:min(len(p), int(b.left))])
	b.tag.Write(p[:n])
	b.left -= uint32(n)
	b.err = noEOF(err)
	return n, b.err
}

// nextBlock reads the length of the next block, or the end of the entry.
func (b *body) nextBlock() error {
	var mark [4]byte
	if _, err := io.ReadFull(b.from, mark[:]); err != nil {
		return noEOF(err)
	}
	switch b.left = binary.LittleEndian.Uint32(mark[:]); b.left {
	default:
		return nil
	case markVoid:
		b.left, b.over = 0, true
		return errVoid
	case markEnd:
	}
	var tag [32]byte
	if _, err := io.ReadFull(b.from, tag[:]); err != nil {
		return noEOF(err)
	}
	b.over = true
	if want := b.tag.Sum(); !hmac.Equal(want[:], tag[:]) {
		return errors.New("its tag is wrong")
	}
	return io.EOF
}

// noEOF turns io.EOF into io.ErrUnexpectedEOF, where more must follow.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Discard removes what killed runs left in the logs of all accounts under dir. It returns the
// number of files of runs that still run; these remove them when they end.
func Discard(dir string) (left int) {
	accounts, _ := os.ReadDir(dir)
	for _, account := range accounts {
		parent := filepath.Join(dir, account.Name())
		runs, _ := os.ReadDir(parent)
		for _, run := range runs {
			if strings.HasPrefix(run.Name(), ".") {
				continue // a run is creating it
			}
			dir := filepath.Join(parent, run.Name())
			lock, err := lockDir(dir)
			if err != nil { // a run uses it
				left += len(entryFiles(dir))
				continue
			}
			_ = os.RemoveAll(dir)
			_ = lock.Close()
		}
		_ = os.Remove(parent) // if it is empty
	}
	return left
}
