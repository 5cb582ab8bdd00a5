package objects

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

// DescribePack reads the table of a pack, and checks it.
func (o *Objects) DescribePack(
	ctx context.Context, p format.Pack, size int64,
) (format.PackRow, []format.LaneRow, error) {
	return o.CheckPack(ctx, p, size, false, new(Checked))
}

// CheckPack is DescribePack, or with whole it also reads every chunk. It counts in checked what it
// read.
func (o *Objects) CheckPack(
	ctx context.Context, p format.Pack, size int64, whole bool, checked *Checked,
) (format.PackRow, []format.LaneRow, error) {
	checked.Objects++
	kind := format.KindData
	if p.Catalog {
		kind = format.KindCatalog
	}
	id, err := o.Seals.Identity(kind)
	if err != nil {
		return format.PackRow{}, nil, err
	}
	var src io.ReaderAt
	switch {
	case whole && size <= packs.Small:
		stored, err := Fetch(ctx, o.Store, p.String())
		if err != nil {
			return format.PackRow{}, nil, err
		}
		src = bytes.NewReader(stored)
		checked.Bytes += size
	case whole:
		file, err := o.Download(ctx, p.String(), p.Hash)
		if err != nil {
			return format.PackRow{}, nil, err
		}
		defer file.Close()
		src = format.HostFile{File: file.File}
		checked.Bytes += size
	default:
		remote, err := ranges.OpenReader(ctx, o.Store, store.Object{Name: p.String(), Size: size})
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
	c, err := o.Codec.OpenPack(plain, plainSize, kind)
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
func (o *Objects) checkChunks(c *format.Container, checked *Checked) error {
	hasher := o.Codec.Keys.Chunk.New()
	for i, lane := range c.Table.Lanes {
		content, err := c.Frame(i, o.Codec.Decoder)
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
