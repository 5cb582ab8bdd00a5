package ingest

import (
	"io"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// CanNameTwo reports whether the only id of a message may name two bodies. X-GUID does so for
// messages of an mbox, and for files with the same name.
func CanNameTwo(ids mail.IDs) bool { return ids.XGUID != "" && ids.Email == "" && ids.GMMsg == "" }

// ProbedSize returns the size that the server gave for a message, or 0 if the message is too small
// for a probe. A message with an id needs a probe too, because another server may give it another
// id.
func ProbedSize(message mail.Message) int64 {
	if message.Size < manifest.MinProbed {
		return 0
	}
	return message.Size
}

// prober computes the probe of a message (manifest.ProbeOffsets) from the bytes that are written to
// it, if these are as many as begin was called with.
type prober struct {
	hasher       *chunk.Hasher
	size, offset int64
	body         []byte // the first bytes after the header
}

func (p *prober) begin(size int64) {
	p.hasher.Reset()
	p.size, p.offset, p.body = size, 0, p.body[:0]
}

// opening returns a writer for what follows the header.
func (p *prober) opening() io.Writer { return (*openingWriter)(p) }

type openingWriter prober

// Write implements io.Writer. It never fails.
func (w *openingWriter) Write(b []byte) (int, error) {
	w.body = append(w.body, b[:min(len(b), manifest.OpeningBytes-len(w.body))]...)
	return len(b), nil
}

// Write implements io.Writer. It never fails.
func (p *prober) Write(b []byte) (int, error) {
	if p.size > 0 {
		middle, end := manifest.ProbeOffsets(p.size)
		p.take(b, middle)
		p.take(b, end)
	}
	p.offset += int64(len(b))
	return len(b), nil
}

// take hashes those bytes of b that are in the range that begins at from.
func (p *prober) take(b []byte, from int64) {
	first := max(from, p.offset) - p.offset
	last := min(from+manifest.ProbeBytes, p.offset+int64(len(b))) - p.offset
	if first < last {
		p.hasher.Write(b[first:last])
	}
}

// probe returns zeros if no probe was wanted or the message does not have the expected size.
func (p *prober) probe() (probe, opening chunk.Prefix) {
	if p.size == 0 || p.offset != p.size {
		return probe, opening
	}
	probe = p.hasher.Sum().Prefix()
	if len(p.body) > 0 {
		opening = p.hasher.ID(p.body).Prefix()
	}
	return probe, opening
}
