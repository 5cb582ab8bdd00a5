package filetree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mailstrata/mailstrata/repo/store"
)

// Write writes a body of size bytes to a new file, until ctx ends.
func Write(ctx context.Context, file io.Writer, body io.ReaderAt, size int64) error {
	n, err := io.Copy(file, &cancellable{ctx, io.NewSectionReader(body, 0, size)})
	if err == nil && n != size {
		err = fmt.Errorf("the body ends after %d bytes of %d: %w", n, size, io.ErrUnexpectedEOF)
	}
	return err
}

// cancellable stops reading when its context ends.
type cancellable struct {
	ctx context.Context
	io.Reader
}

func (c *cancellable) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.Reader.Read(p)
}

// blockSize is how much of a file Compare reads at once, in bytes. Package sftp reads it by many
// packets at once.
const blockSize = 1 << 20

// Compare returns nil if a file of there bytes has the body, which has size bytes, and
// store.ErrExist if it has other content. at names the file in errors.
func Compare(ctx context.Context, at string, file io.ReaderAt, there int64, body io.ReaderAt, size int64) error {
	if there != size {
		return fmt.Errorf("%s holds %d bytes, not these %d: %w", at, there, size, store.ErrExist)
	}
	block := min(blockSize, size)
	theirs, ours := make([]byte, block), make([]byte, block)
	for offset := int64(0); offset < size; offset += block {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(block, size-offset)
		if err := errors.Join(readFull(file, theirs[:n], offset), readFull(body, ours[:n], offset)); err != nil {
			return fmt.Errorf("compare with %s: %w", at, err)
		}
		if !bytes.Equal(theirs[:n], ours[:n]) {
			return fmt.Errorf("%s holds other bytes: %w", at, store.ErrExist)
		}
	}
	return nil
}

func readFull(r io.ReaderAt, p []byte, offset int64) error {
	n, err := r.ReadAt(p, offset)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}
