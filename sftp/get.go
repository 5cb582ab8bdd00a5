package sftp

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mailstrata/mailstrata/repo/store"
)

// blockSize is how much one request of Get reads, in bytes. Package sftp reads a block by many
// packets at once.
const blockSize = 1 << 20

// Get implements store.Store.
func (s *Store) Get(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
	at, err := s.object(name)
	if err != nil {
		return nil, 0, err
	}
	first, err := s.read(ctx, name, at, offset, length)
	if err != nil {
		return nil, 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	b := &body{ctx: ctx, cancel: cancel, s: s, name: name, at: at, block: first}
	b.fetchNext()
	return b, first.size, nil
}

// block is a piece of an object.
type block struct {
	data []byte
	size int64 // of the object
	next int64 // where the piece ends in the object
	left int64 // what of the range follows it
}

// read reads the first block of a range. An open file of the server is used for this alone.
func (s *Store) read(ctx context.Context, name, at string, offset, length int64) (b block, err error) {
	err = s.retry(ctx, "get "+name, func(c *connection) error {
		f, err := c.Open(at)
		if err != nil {
			return err
		}
		defer func() { go f.Close() }() // nothing is written, so its answer says nothing
		info, err := f.Stat()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%w: %s is not an ordinary file", store.ErrNotExist, at)
		}
		from, n, err := store.Within(info.Size(), offset, length)
		if err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		b = block{data: make([]byte, min(n, blockSize)), size: info.Size()}
		b.next, b.left = from+int64(len(b.data)), n-int64(len(b.data))
		if len(b.data) == 0 {
			return nil
		}
		read, err := f.ReadAt(b.data, from)
		if read == len(b.data) {
			return nil
		}
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return err
	})
	return b, err
}

// body reads a range by blocks. It fetches the next block while the caller reads this one.
type body struct {
	ctx    context.Context
	cancel context.CancelFunc
	s      *Store
	name   string
	at     string
	block  block
	coming chan result // the next block; nil: there is none
}

type result struct {
	block
	err error
}

func (b *body) fetchNext() {
	if b.block.left == 0 {
		b.coming = nil
		return
	}
	coming, from := make(chan result, 1), b.block
	b.coming = coming
	go func() {
		next, err := b.s.read(b.ctx, b.name, b.at, from.next, from.left)
		if err == nil && next.size != from.size {
			err = fmt.Errorf("get %s: its size changed from %d to %d bytes", b.name, from.size, next.size)
		}
		coming <- result{next, err}
	}()
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if len(b.block.data) == 0 {
		if b.coming == nil {
			return 0, io.EOF
		}
		got := <-b.coming
		if got.err != nil {
			b.coming <- got // and again, if Read is called again
			return 0, got.err
		}
		b.block = got.block
		b.fetchNext()
	}
	n := copy(p, b.block.data)
	b.block.data = b.block.data[n:]
	return n, nil
}

// Close implements io.Closer.
func (b *body) Close() error {
	b.cancel()
	return nil
}
