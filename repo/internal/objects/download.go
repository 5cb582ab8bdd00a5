package objects

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/zeebo/blake3"

	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/repo/format"
)

// Download fetches an object into a temporary file, as it is stored, and checks its hash.
func (o *Objects) Download(ctx context.Context, name string, hash [32]byte) (*File, error) {
	file, err := o.downloadOnce(ctx, name, hash)
	if errors.Is(err, format.ErrDamaged) && o.Store.Original(ctx, name) {
		return o.downloadOnce(ctx, name, hash)
	}
	return file, err
}

func (o *Objects) downloadOnce(ctx context.Context, name string, hash [32]byte) (*File, error) {
	body, size, err := o.Store.Get(ctx, name, 0, -1)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	file, named, err := o.Cache.SpoolFile("get-*")
	if err != nil {
		return nil, err
	}
	h := blake3.New()
	n, err := io.Copy(io.MultiWriter(file, h), io.LimitReader(body, size))
	if err == nil && (n != size || [32]byte(h.Sum(nil)) != hash) {
		err = format.Damaged("its bytes do not hash to its name")
	}
	d := &File{file, named}
	if err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// File is an object in a temporary file.
type File struct {
	local.File
	named bool // the file still has its name
}

// Close closes the file and removes it.
func (d *File) Close() {
	_ = d.File.Close()
	if d.named {
		_ = os.Remove(d.Name())
	}
}
