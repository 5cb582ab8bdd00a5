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

// adopt holds the directories that dead runs have left, the newest first, and removes those that are of no use.
func (s *Log) adopt(parent string) error {
	found, err := os.ReadDir(parent)
	if err != nil {
		return fmt.Errorf("look for what was left: %w", err)
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
		stale := time.Since(born(d)) > s.limits.stale
		if !d.IsDir() || strings.HasPrefix(d.Name(), ".") && !stale {
			continue // a run that is just beginning
		}
		lock, err := lockDir(dir)
		if err != nil {
			continue // a run is at work there, or this is not ours
		}
		size := dirSize(dir)
		if held += size; stale || size == 0 || held > 3*s.limits.bytes { // twice, with what entries add
			_ = os.RemoveAll(dir)
			_ = lock.Close()
			continue
		}
		s.left, s.locks = append(s.left, dir), append(s.locks, lock)
	}
	return nil
}

// dirSize is what a directory's files of entries hold.
func dirSize(dir string) (bytes int64) {
	for _, path := range entryFiles(dir) {
		if info, err := os.Stat(path); err == nil {
			bytes += info.Size()
		}
	}
	return bytes
}

// Left calls read for each entry that dead runs of this account have left on this host. A body whose end does not come,
// or is not what was written, gives read an error, and so does one that was dropped: read returns it, and the next entry
// follows. Any other error of read ends the reading. problem tells of files that could not be read to their end, as the
// last ones of a killed run cannot.
func (s *Log) Left(ctx context.Context, read func(key []byte, body io.Reader) error) (problem, err error) {
	if s == nil {
		return nil, nil
	}
	entries := 0
	counted := func(key []byte, body io.Reader) error {
		if entries++; entries > 2*s.limits.entries {
			return errLimit
		}
		return read(key, body)
	}
	for _, dir := range s.left {
		for _, path := range entryFiles(dir) {
			cut, err := s.readFile(ctx, path, counted)
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

// errLimit: there are more entries than anybody has memory for.
var errLimit = errors.New("enough")

// readFile reads the entries of a file as far as it can be read. cut tells why that is not to its end.
func (s *Log) readFile(ctx context.Context, path string, read func([]byte, io.Reader) error) (cut, err error) {
	file, err := os.Open(path)
	if err != nil {
		return err, nil
	}
	defer file.Close()
	plain, err := s.options.openFile(file)
	if err != nil {
		return err, nil
	}
	for ctx.Err() == nil {
		body, key, err := s.nextEntry(plain)
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

// openFile unseals a file of entries and checks whose it is.
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
		return nil, errors.New("it is of another repository or version")
	}
	return plain, nil
}

// nextEntry reads the key of the next entry. io.EOF: there is none.
func (s *Log) nextEntry(plain *bufio.Reader) (*body, []byte, error) {
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
	tag := s.options.Tag.New()
	beginTag(tag, s.options.Account, key)
	return &body{from: plain, tag: tag}, key, nil
}

// errVoid: the entry was dropped by who wrote it.
var errVoid = errors.New("it was given up when it was written")

// body reads the blocks of an entry. Its last error is io.EOF only if the tag is right.
type body struct {
	from *bufio.Reader
	tag  *chunk.Hasher
	left uint32 // of the block
	over bool   // the entry was read to its end, right or not: another may follow
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

// nextBlock finds the next block, or the end.
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

// noEOF makes an end in the midst of something an error.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Discard removes the files that dead runs have left in the logs of a directory. It returns the number of files of runs under
// way, which go when the runs end.
func Discard(dir string) (left int) {
	accounts, _ := os.ReadDir(dir)
	for _, account := range accounts {
		parent := filepath.Join(dir, account.Name())
		runs, _ := os.ReadDir(parent)
		for _, run := range runs {
			if strings.HasPrefix(run.Name(), ".") {
				continue // a run that is just beginning
			}
			dir := filepath.Join(parent, run.Name())
			lock, err := lockDir(dir)
			if err != nil { // a run is at work there
				left += len(entryFiles(dir))
				continue
			}
			_ = os.RemoveAll(dir)
			_ = lock.Close()
		}
		_ = os.Remove(parent) // if nothing is left there
	}
	return left
}
