package census

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"os"

	"github.com/mailstrata/mailstrata/internal/local"
)

// order records the order in which a prune reached chunks, in a file on this host: 16 bytes for
// each chunk, by its number in the census. So memory does not grow with the repository. The file
// holds no content.
type order struct {
	file  local.File
	named bool
	w     *bufio.Writer
	count int64
}

const orderRow = 16

func newOrder(spool func(pattern string) (local.File, bool, error)) (*order, error) {
	file, named, err := spool("order-*")
	if err != nil {
		return nil, err
	}
	return &order{file: file, named: named, w: bufio.NewWriterSize(file, 64<<10)}, nil
}

func (o *order) close() {
	_ = o.file.Close()
	if o.named {
		_ = os.Remove(o.file.Name())
	}
}

// note records that chunk n of the census was reached next. like is as in Census.Reach.
func (o *order) note(n int64, like uint64) error {
	var row [orderRow]byte
	binary.LittleEndian.PutUint64(row[:], uint64(n))
	binary.LittleEndian.PutUint64(row[8:], like)
	o.count++
	_, err := o.w.Write(row[:])
	return err
}

// each is Census.EachReached.
func (o *order) each(use func(place, n int64, like uint64)) error {
	if err := o.w.Flush(); err != nil {
		return err
	}
	r := bufio.NewReaderSize(io.NewSectionReader(o.file, 0, o.count*orderRow), 64<<10)
	var row [orderRow]byte
	for place := range o.count {
		if _, err := io.ReadFull(r, row[:]); err != nil {
			return local.Fail("read", o.file.Name(), errors.Join(err, errors.New("the order of the chunks")))
		}
		use(place, int64(binary.LittleEndian.Uint64(row[:])), binary.LittleEndian.Uint64(row[8:]))
	}
	return nil
}
