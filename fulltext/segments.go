package fulltext

import (
	"context"
	"fmt"
	"math"

	"github.com/ncruces/go-sqlite3"

	"github.com/mailstrata/mailstrata/fulltext/postings"
)

// A segment is in rows of blockSize bytes, so that each row fills a page. Their numbers begin with
// that of the segment.
const (
	blockSize = 16_300
	blockBits = 24
)

// Segments of a shard are merged when mergeWidth of them have about the same size: within a factor
// of mergeWidth, or less than smallSegment bytes. So there are few of them, and each word is
// written again only a few times.
const (
	mergeWidth   = 8
	smallSegment = 256 << 10
)

// segment is a row of the table of segments.
type segment struct{ id, size, documents int64 }

// segments returns the segments of a shard.
func (d *database) segments(ctx context.Context, shard int64) (all []segment, err error) {
	err = d.run(ctx, "SELECT id, size, documents FROM segment WHERE shard=? ORDER BY id", func(s *sqlite3.Stmt) bool {
		all = append(all, segment{s.ColumnInt64(0), s.ColumnInt64(1), s.ColumnInt64(2)})
		return true
	}, shard)
	return all, err
}

// open returns the segments of a shard to be searched. They are kept for other searches of the
// connection.
func (d *database) open(ctx context.Context, shard int64) (all []*postings.Segment, err error) {
	if opened, ok := d.opened[shard]; ok {
		return opened, nil
	}
	segments, err := d.segments(ctx, shard)
	if err != nil {
		return nil, err
	}
	for _, s := range segments {
		p, err := d.openSegment(ctx, s)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	d.opened[shard] = all
	return all, nil
}

func (d *database) openSegment(ctx context.Context, s segment) (*postings.Segment, error) {
	meta := postings.Meta{Size: s.size}
	err := d.run(ctx, "SELECT rows, leaves FROM segment WHERE id=?", func(stmt *sqlite3.Stmt) bool {
		meta.Rows, meta.Leaves = stmt.ColumnBlob(0, nil), stmt.ColumnBlob(1, nil)
		return false
	}, s.id)
	if err != nil {
		return nil, err
	}
	p, err := postings.Open(&blocks{d, s.id}, meta)
	return p, d.failed(ctx, "read", err)
}

// blocks are the bytes of a segment.
type blocks struct {
	d  *database
	id int64
}

// ReadAt reads len(p) bytes at an offset.
func (b *blocks) ReadAt(p []byte, offset int64) error {
	for len(p) > 0 {
		n := 0
		err := b.d.run(b.d.reading, "SELECT data FROM block WHERE id=?", func(s *sqlite3.Stmt) bool {
			if data := s.ColumnRawBlob(0); int64(len(data)) > offset%blockSize {
				n = copy(p, data[offset%blockSize:])
			}
			return false
		}, b.id<<blockBits|offset/blockSize)
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("%w: segment %d ends early", ErrDamaged, b.id)
		}
		p, offset = p[n:], offset+int64(n)
	}
	return nil
}

// addSegment adds a segment to a shard. write gives its bytes to put.
func (d *database) addSegment(
	ctx context.Context, shard int64, write func(put func([]byte) error) (postings.Meta, error),
) error {
	id, err := d.number(ctx, "SELECT coalesce(max(id), 0)+1 FROM segment")
	if err != nil {
		return err
	}
	next := id << blockBits
	block := make([]byte, 0, blockSize)
	insert := func() error {
		err := d.exec(ctx, "INSERT INTO block(id, data) VALUES(?, ?)", next, block)
		next++
		block = block[:0]
		return err
	}
	meta, err := write(func(p []byte) error {
		for len(p) > 0 {
			n := min(len(p), blockSize-len(block))
			block, p = append(block, p[:n]...), p[n:]
			if len(block) < blockSize {
				break
			}
			if err := insert(); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && len(block) > 0 {
		err = insert()
	}
	if err != nil || meta.Documents == 0 {
		return d.failed(ctx, "write", err)
	}
	d.forgetShard(shard)
	return d.exec(ctx, "INSERT INTO segment(id, shard, size, documents, rows, leaves) VALUES(?, ?, ?, ?, ?, ?)",
		id, shard, meta.Size, int64(meta.Documents), meta.Rows, meta.Leaves)
}

// forgetShard forgets what is known of the segments of a shard.
func (d *database) forgetShard(shard int64) {
	delete(d.opened, shard)
	d.shards = nil
}

// compact merges segments of a shard until there are few.
func (d *database) compact(ctx context.Context, shard int64) error {
	for {
		all, err := d.segments(ctx, shard)
		if err != nil {
			return err
		}
		some := mergeable(all)
		if some == nil {
			return nil
		}
		if err := d.merge(ctx, shard, some); err != nil {
			return err
		}
	}
}

// mergeable returns the smallest segments of about the same size, if there are many of these.
func mergeable(all []segment) []segment {
	for low, high := int64(-1), int64(smallSegment); ; low, high = high, high*mergeWidth {
		var some []segment
		larger := false
		for _, s := range all {
			if low < s.size && s.size <= high {
				some = append(some, s)
			}
			larger = larger || s.size > high
		}
		if len(some) >= mergeWidth {
			return some
		}
		if !larger {
			return nil
		}
	}
}

// merge makes one segment of some of a shard, without the messages that were removed.
func (d *database) merge(ctx context.Context, shard int64, some []segment) error {
	d.reading = ctx
	var inputs []*postings.Segment
	for _, s := range some {
		p, err := d.openSegment(ctx, s)
		if err != nil {
			return err
		}
		inputs = append(inputs, p)
	}
	gone, err := d.gone(ctx, shard)
	if err != nil {
		return err
	}
	var left []int64
	err = d.addSegment(ctx, shard, func(put func([]byte) error) (postings.Meta, error) {
		return postings.Merge(inputs, func(row int64) bool {
			if gone[row] {
				left = append(left, row)
			}
			return gone[row]
		}, put)
	})
	if err != nil {
		return err
	}
	for _, row := range left {
		if err := d.exec(ctx, "DELETE FROM gone WHERE id=?", row); err != nil {
			return err
		}
	}
	for _, s := range some {
		if err := d.exec(ctx, "DELETE FROM block WHERE id BETWEEN ? AND ?", s.id<<blockBits, (s.id+1)<<blockBits-1); err != nil {
			return err
		}
		if err := d.exec(ctx, "DELETE FROM segment WHERE id=?", s.id); err != nil {
			return err
		}
	}
	d.forgetShard(shard)
	return nil
}

// gone returns the rows of a shard that were removed and are still in segments.
func (d *database) gone(ctx context.Context, shard int64) (map[int64]bool, error) {
	low, high := shard<<shardBits, (shard+1)<<shardBits-1
	if shard == 0 {
		low = math.MinInt64
	}
	if shard == lastShard {
		high = math.MaxInt64
	}
	all := make(map[int64]bool)
	err := d.run(ctx, "SELECT id FROM gone WHERE id BETWEEN ? AND ?", func(s *sqlite3.Stmt) bool {
		all[s.ColumnInt64(0)] = true
		return true
	}, low, high)
	return all, err
}

// maxGone is the share of removed messages from which on the segments of a shard are written again.
const maxGone = 8

// sweep writes the segments of a shard again without the messages that were removed, if these are
// many.
func (d *database) sweep(ctx context.Context, shard int64) error {
	gone, err := d.gone(ctx, shard)
	if err != nil {
		return err
	}
	all, err := d.segments(ctx, shard)
	if err != nil {
		return err
	}
	documents := int64(0)
	for _, s := range all {
		documents += s.documents
	}
	if int64(len(gone))*maxGone <= documents {
		return nil
	}
	return d.merge(ctx, shard, all)
}
