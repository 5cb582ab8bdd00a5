package repo

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/packs"
	"github.com/mailstrata/mailstrata/repo/ranges"
	"github.com/mailstrata/mailstrata/repo/store"
)

// inspectPack reads the table of a pack, or with whole also every chunk, and checks it.
func (o *objects) inspectPack(ctx context.Context, p format.Pack, size int64, whole bool, checked *Checked) (format.PackRow, []format.LaneRow, error) {
	checked.Objects++
	kind := format.KindData
	if p.Catalog {
		kind = format.KindCatalog
	}
	id, err := o.seals.identity(kind)
	if err != nil {
		return format.PackRow{}, nil, err
	}
	var src io.ReaderAt
	switch {
	case whole && size <= packs.Small:
		stored, err := fetch(ctx, o.store, p.String())
		if err != nil {
			return format.PackRow{}, nil, err
		}
		src = bytes.NewReader(stored)
		checked.Bytes += size
	case whole:
		file, err := o.download(ctx, p.String(), p.Hash)
		if err != nil {
			return format.PackRow{}, nil, err
		}
		defer file.close()
		src = format.HostFile{File: file.File}
		checked.Bytes += size
	default:
		remote, err := ranges.OpenReader(ctx, o.store, store.Object{Name: p.String(), Size: size})
		if err != nil {
			return format.PackRow{}, nil, err
		}
		defer func() { checked.Bytes += remote.Fetched }()
		src = remote
	}
	plain, plainSize, err := format.UnsealAt(src, size, id)
	if err != nil {
		return format.PackRow{}, nil, err
	}
	c, err := o.codec.OpenPack(plain, plainSize, kind)
	if err != nil {
		return format.PackRow{}, nil, err
	}
	if whole {
		if err := o.checkChunks(c, checked); err != nil {
			return format.PackRow{}, nil, err
		}
	}
	return format.DescribePack(c, p.Hash, size), c.Table.Lanes, nil
}

// checkChunks decodes every frame and compares each chunk with its prefix.
func (o *objects) checkChunks(c *format.Container, checked *Checked) error {
	hasher := o.codec.Keys.Chunk.New()
	for i, lane := range c.Table.Lanes {
		content, err := c.Frame(i, o.codec.Decoder)
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
