package repo

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"os"

	"github.com/mailstrata/mailstrata/internal/local"
)

// reachOrder records the order in which a prune reached chunks, in a file on this host: 16 bytes for each chunk, by its number in
// the census. So memory does not grow with the repository. The file holds no content.
type reachOrder struct {
	file  local.File
	named bool
	w     *bufio.Writer
	count int64
}

const reachRow = 16

func newReachOrder(c *cache) (*reachOrder, error) {
	file, named, err := c.spoolFile("order-*")
	if err != nil {
		return nil, err
	}
	return &reachOrder{file: file, named: named, w: bufio.NewWriterSize(file, 64<<10)}, nil
}

func (o *reachOrder) close() {
	_ = o.file.Close()
	if o.named {
		_ = os.Remove(o.file.Name())
	}
}

// note records that chunk n of the census was reached next. like is as in Reach.
func (o *reachOrder) note(n int64, like uint64) error {
	var row [reachRow]byte
	binary.LittleEndian.PutUint64(row[:], uint64(n))
	binary.LittleEndian.PutUint64(row[8:], like)
	o.count++
	_, err := o.w.Write(row[:])
	return err
}

// each calls use for every chunk in the order in which they were reached. at is the place in that order.
func (o *reachOrder) each(use func(at, n int64, like uint64)) error {
	if err := o.w.Flush(); err != nil {
		return err
	}
	r := bufio.NewReaderSize(io.NewSectionReader(o.file, 0, o.count*reachRow), 64<<10)
	var row [reachRow]byte
	for at := range o.count {
		if _, err := io.ReadFull(r, row[:]); err != nil {
			return local.Fail("read", o.file.Name(), errors.Join(err, errors.New("the order of the chunks")))
		}
		use(at, int64(binary.LittleEndian.Uint64(row[:])), binary.LittleEndian.Uint64(row[8:]))
	}
	return nil
}
