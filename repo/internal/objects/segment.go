package objects

import (
	"bytes"
	"context"
	"fmt"
	"iter"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/store"
)

// maxInMemory is the size up to which an index segment is read into memory, and not into a file.
const maxInMemory = 1 << 20

// OpenSegment fetches an index segment and opens it. The caller calls done.
func (o *Objects) OpenSegment(
	ctx context.Context, listed store.Object, hash [32]byte,
) (seg *format.Segment, done func(), err error) {
	if listed.Size <= maxInMemory {
		stored, err := Fetch(ctx, o.Store, listed.Name)
		if err != nil {
			return nil, nil, err
		}
		container, err := format.Unseal(stored, o.Seals.Writer)
		if err != nil {
			return nil, nil, err
		}
		seg, err = o.Codec.OpenSegment(bytes.NewReader(container), int64(len(container)))
		return seg, func() {}, err
	}
	file, err := o.Download(ctx, listed.Name, hash)
	if err != nil {
		return nil, nil, err
	}
	seg, err = o.openSegmentFile(file)
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return seg, file.Close, nil
}

func (o *Objects) openSegmentFile(file *File) (*format.Segment, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	plain, size, err := format.UnsealAt(format.HostFile{File: file.File}, info.Size(), o.Seals.Writer)
	if err != nil {
		return nil, err
	}
	return o.Codec.OpenSegment(plain, size)
}

// WriteSegment writes an index segment of packs and ascending entries to a spool, which the caller
// closes. For a segment that replaces others, merged has its Inputs and Proofs.
func (o *Objects) WriteSegment(
	packs []format.PackRow, entries iter.Seq[format.Entry], merged format.Table,
) (s *format.Spool, hash [32]byte, err error) {
	if s, err = o.Cache.Spool(o.Seals.Recipients(format.KindIndex)); err != nil {
		return nil, hash, err
	}
	if hash, err = o.Codec.WriteSegment(s, packs, entries, merged); err != nil {
		s.Close()
		return nil, hash, fmt.Errorf("make an index segment: %w", err)
	}
	return s, hash, nil
}

// PutSegment puts an index segment of packs and their entries. It returns its hash and its size.
func (o *Objects) PutSegment(
	ctx context.Context, packs []format.PackRow, entries []format.Entry,
) (hash [32]byte, size int64, err error) {
	s, hash, err := o.WriteSegment(packs, format.Sorted(entries), format.Table{})
	if err != nil {
		return hash, 0, err
	}
	defer s.Close()
	return hash, s.Size, o.PutFile(ctx, format.ObjectName(format.KindIndex, hash), s.File, s.Size)
}
