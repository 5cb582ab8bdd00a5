package repo

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"

	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/zeebo/blake3"
)

// download fetches an object into a temporary file, as it is stored, and checks its hash.
func (o *objects) download(ctx context.Context, name string, hash [32]byte) (*download, error) {
	file, err := o.downloadOnce(ctx, name, hash)
	if errors.Is(err, format.ErrDamaged) && o.store.Original(ctx, name) {
		return o.downloadOnce(ctx, name, hash)
	}
	return file, err
}

func (o *objects) downloadOnce(ctx context.Context, name string, hash [32]byte) (*download, error) {
	body, size, err := o.store.Get(ctx, name, 0, -1)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	file, named, err := o.cache.SpoolFile("get-*")
	if err != nil {
		return nil, err
	}
	h := blake3.New()
	n, err := io.Copy(io.MultiWriter(file, h), io.LimitReader(body, size))
	if err == nil && (n != size || [32]byte(h.Sum(nil)) != hash) {
		err = format.Damaged("its bytes do not hash to its name")
	}
	d := &download{file, named}
	if err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// download is an object in a temporary file.
type download struct {
	local.File
	named bool // the file still has its name
}

func (d *download) close() {
	_ = d.File.Close()
	if d.named {
		_ = os.Remove(d.Name())
	}
}

// maxInMemory is the size up to which an index segment is read into memory, and not into a file.
const maxInMemory = 1 << 20

// fetchSegment fetches an index segment and opens it. The caller calls done.
func (o *objects) fetchSegment(ctx context.Context, listed store.Object, hash [32]byte) (seg *format.Segment, done func(), err error) {
	if listed.Size <= maxInMemory {
		stored, err := fetch(ctx, o.store, listed.Name)
		if err != nil {
			return nil, nil, err
		}
		container, err := format.Unseal(stored, o.seals.writer)
		if err != nil {
			return nil, nil, err
		}
		seg, err = o.codec.OpenSegment(bytes.NewReader(container), int64(len(container)))
		return seg, func() {}, err
	}
	file, err := o.download(ctx, listed.Name, hash)
	if err != nil {
		return nil, nil, err
	}
	seg, err = o.openSegment(file)
	if err != nil {
		file.close()
		return nil, nil, err
	}
	return seg, file.close, nil
}

func (o *objects) openSegment(file *download) (*format.Segment, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	plain, size, err := format.UnsealAt(format.HostFile{File: file.File}, info.Size(), o.seals.writer)
	if err != nil {
		return nil, err
	}
	return o.codec.OpenSegment(plain, size)
}
