package repo

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/store"
)

// inspectPack reads what describes a pack, or the whole of it.
func (r *Repo) inspectPack(ctx context.Context, p format.Pack, size int64, whole bool, checked *Checked) (format.PackRow, []format.LaneRow, error) {
	checked.Objects++
	kind := format.KindData
	if p.Catalog {
		kind = format.KindCatalog
	}
	id, err := r.seals.identity(kind)
	if err != nil {
		return format.PackRow{}, nil, err
	}
	src := &storeReader{ctx: ctx, store: r.store, name: p.String(), size: size}
	if whole {
		file, err := r.download(ctx, p.String(), p.Hash)
		if err != nil {
			return format.PackRow{}, nil, err
		}
		defer file.close()
		src.whole = &format.HostFile{File: file.File}
		checked.Bytes += size
	}
	plain, plainSize, err := format.UnsealAt(src, size, id)
	if err != nil {
		return format.PackRow{}, nil, err
	}
	c, err := r.codec.OpenPack(plain, plainSize, kind)
	if err != nil {
		return format.PackRow{}, nil, err
	}
	checked.Bytes += src.fetched
	if whole {
		if err := r.checkChunks(c, checked); err != nil {
			return format.PackRow{}, nil, err
		}
	}
	return format.DescribePack(c, p.Hash, size), c.Table.Lanes, nil
}

// checkChunks decodes every frame and hashes every chunk.
func (r *Repo) checkChunks(c *format.Container, checked *Checked) error {
	hasher := r.codec.Keys.Chunk.New()
	for i, lane := range c.Table.Lanes {
		content, err := c.Frame(i, r.codec.Decoder)
		if err != nil {
			return err
		}
		for j, length := range lane.Lengths {
			if hasher.ID(content[:length]).Prefix() != lane.Prefix(j) {
				return fmt.Errorf("frame %d, chunk %d of %d: %w", i+1, j+1, len(lane.Lengths),
					format.Damaged("its bytes do not hash to its ID"))
			}
			content = content[length:]
			checked.Chunks++
		}
	}
	return nil
}

// storeReader reads an object of the store here and there, in pieces that are large enough for age's small steps.
type storeReader struct {
	ctx     context.Context
	store   store.Store
	name    string
	size    int64
	whole   *format.HostFile // nil: ask the store
	parts   []held
	piece   int64 // what is fetched at once at the least; 0: storePiece
	fetched int64
}

const storePiece = 128 << 10

func (s *storeReader) ReadAt(p []byte, off int64) (int, error) {
	if s.whole != nil {
		return s.whole.ReadAt(p, off)
	}
	if off >= s.size {
		return 0, io.EOF
	}
	want := min(int64(len(p)), s.size-off)
	for _, part := range s.parts {
		if at := off - part.at; at >= 0 && at+want <= int64(len(part.bytes)) {
			return full(p, part.bytes[at:at+want])
		}
	}
	// Near the end as much again before: a table is read from its end.
	piece := cmp.Or(s.piece, storePiece)
	from, to := off, min(max(off+want, off+piece), s.size)
	if to == s.size {
		from = max(0, min(off, to-piece))
	}
	bytes, err := fetchPart(s.ctx, s.store, s.name, s.size, from, to-from)
	if err != nil {
		return 0, &format.ReadError{Err: err}
	}
	s.fetched += int64(len(bytes))
	s.parts = append(s.parts, held{from, bytes})
	return full(p, bytes[off-from:][:want])
}

// full copies to p, and says EOF where that does not fill it, as an io.ReaderAt must.
func full(p, part []byte) (int, error) {
	n := copy(p, part)
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
