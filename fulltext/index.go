package fulltext

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/internal/local"
)

// Message is a message for the index.
type Message struct {
	Hash   chunk.ID
	Date   time.Time // newer messages are found first; whole seconds are kept
	Fields words.Fields
	Data   []byte // for the caller
}

// Hit is a message that was found.
type Hit struct {
	Hash chunk.ID
	Date time.Time
	Data []byte
}

// Status describes an index.
type Status struct {
	Messages   int64
	Bytes      int64  // of its files
	Generation uint64 // counts updates
}

// Index is an open index. Its methods can be called by several goroutines.
type Index struct {
	dir string
	key [32]byte

	reading sync.Mutex
	reader  *database
	helpers []*database // for long searches (parallel.go)

	writing sync.Mutex
	writer  *database // nil until the first update
}

// lockName is the file in the directory of the index that is locked during an update.
const lockName = "lock"

// Open opens the index in a directory. If there is none, it is empty. The error is ErrDamaged if
// what is there is damaged, or of another key or version. Damage of pages is noticed when they are
// read, by the same error of any method.
func Open(dir string, key [32]byte) (*Index, error) {
	reader, err := openDatabase(dir, key)
	if err != nil {
		return nil, err
	}
	return &Index{dir: dir, key: key, reader: reader}, nil
}

// Close closes the index.
func (x *Index) Close() error {
	x.reading.Lock()
	defer x.reading.Unlock()
	x.writing.Lock()
	defer x.writing.Unlock()
	err := errors.Join(x.reader.close(), x.closeHelpers())
	if x.writer != nil {
		err = errors.Join(err, x.writer.close())
	}
	return err
}

// Drop removes the index in a directory, and waits until no process updates it. The directory
// stays, with its lock. An index that is open becomes empty.
func Drop(ctx context.Context, dir string) error {
	unlock, _, err := local.Lock(ctx, filepath.Join(dir, lockName), nil)
	if err != nil {
		return err
	}
	defer unlock()
	for _, name := range []string{"root", "pages"} { // without the root, nothing is there
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return local.Fail("remove", dir, err)
		}
	}
	return nil
}

// Status returns what the index has.
func (x *Index) Status(ctx context.Context) (s Status, err error) {
	err = x.read(func(d *database) (err error) {
		s = Status{Bytes: d.file.Bytes(), Generation: d.file.Generation()}
		if d.conn != nil {
			s.Messages, err = d.number(ctx, "SELECT messages FROM total")
		}
		return err
	})
	return s, err
}

// read calls do with the newest state of the database. If an update of another process overtakes
// do, which then fails, read calls it again.
func (x *Index) read(do func(*database) error) error {
	x.reading.Lock()
	defer x.reading.Unlock()
	d := x.reader
	if d.broken || d.file.Changed() {
		if err := d.settle(d.reload()); err != nil {
			return err
		}
	}
	for range maxReloads {
		generation := d.file.Generation()
		err := do(d)
		if !errors.Is(err, ErrDamaged) {
			return err
		}
		reloaded := d.reload()
		if d.file.Generation() == generation {
			return err
		}
		if err := d.settle(reloaded); err != nil {
			return err
		}
	}
	return errOvertaken
}
