package format

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"

	"github.com/zeebo/blake3"
)

// ContainerWriter writes one container to a stream.
type ContainerWriter struct {
	w      io.Writer
	keys   *Keys
	head   []byte
	offset int64
	frames []frameRow
}

func newContainerWriter(w io.Writer, h head, k *Keys) (*ContainerWriter, error) {
	encoded, err := Encode(h)
	if err != nil {
		return nil, err
	}
	c := &ContainerWriter{w: w, keys: k, head: encoded}
	return c, c.write(append(skippable(headMagic, len(encoded)), encoded...))
}

// Frame adds a frame that was compressed from length bytes.
func (c *ContainerWriter) Frame(encoded []byte, length int) error {
	if len(c.frames) == MaxFrames {
		return fmt.Errorf("a container holds at most %d frames", MaxFrames)
	}
	c.frames = append(c.frames, frameRow{
		Stored: uint32(len(encoded)), Length: uint32(length), Hash: blake3.Sum256(encoded),
	})
	return c.write(encoded)
}

// Finish writes the table. The caller sets the fields that its kind uses; Finish sets Frames.
func (c *ContainerWriter) Finish(t Table) error {
	t.Frames = c.frames
	encoded, err := Encode(t)
	if err != nil {
		return err
	}
	if len(encoded) > MaxTable {
		return fmt.Errorf("a table of %d bytes is larger than the format allows", len(encoded))
	}
	at := c.offset + skippableHeader
	end := at + int64(len(encoded)) + int64(trailerSize)
	padding := padme(end) - end

	out := skippable(tableMagic, len(encoded)+int(padding)+trailerSize)
	out = append(out, encoded...)
	out = append(out, make([]byte, padding)...)
	tag := c.keys.sign(c.head, encoded)
	out = append(out, tag[:]...)
	out = binary.LittleEndian.AppendUint64(out, uint64(at))
	out = binary.LittleEndian.AppendUint64(out, uint64(len(encoded)))
	out = append(out, trailerMagic...)
	return c.write(out)
}

// SizeWith returns the size of the finished container if one more frame of stored bytes is added,
// with a table of table bytes.
func (c *ContainerWriter) SizeWith(stored, table int) int64 {
	return padme(c.offset + int64(stored+table) + skippableHeader + int64(trailerSize))
}

func (c *ContainerWriter) write(b []byte) error {
	n, err := c.w.Write(b)
	c.offset += int64(n)
	return err
}

func skippable(magic uint32, length int) []byte {
	b := make([]byte, 0, skippableHeader+length)
	b = binary.LittleEndian.AppendUint32(b, magic)
	return binary.LittleEndian.AppendUint32(b, uint32(length))
}

// maxPadding bounds the padding. Part of the durable format.
const maxPadding = 1 << 16

// padme returns the length to which a container of n bytes is padded, so that lengths reveal little
// (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs",
// 2019). The rule adds at most 12 %. Here it adds no more than maxPadding: most packs are full, and
// the paper's padding of them would take a percent of the store.
func padme(n int64) int64 {
	if n < 2 {
		return n
	}
	e := bits.Len64(uint64(n)) - 1
	s := bits.Len64(uint64(e))
	mask := min(int64(1)<<(e-s), maxPadding) - 1
	return (n + mask) &^ mask
}
