package index

import (
	"bufio"
	"encoding/binary"
	"errors"
	"os"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/mailstrata/mailstrata/repo/format"
)

// FileWriter writes an index file.
type FileWriter struct {
	codec  *format.Codec
	file   *os.File
	out    *bufio.Writer
	count  int64
	block  []byte
	blocks []fileBlockRow
}

// NewFileWriter begins a file in dir.
func NewFileWriter(dir string, codec *format.Codec) (*FileWriter, error) {
	f, err := os.CreateTemp(dir, "new-*")
	if err != nil {
		return nil, local.Fail("make a file in", dir, err)
	}
	w := &FileWriter{codec: codec, file: f, out: bufio.NewWriterSize(local.File{File: f}, 64<<10)}
	if _, err := w.out.Write(make([]byte, fileHeader)); err != nil {
		w.Abandon()
		return nil, err
	}
	return w, nil
}

// Name returns the temporary name of the file.
func (w *FileWriter) Name() string { return w.file.Name() }

// Abandon removes the file.
func (w *FileWriter) Abandon() {
	_ = w.file.Close()
	_ = os.Remove(w.file.Name())
}

// Add adds an entry. Entries ascend.
func (w *FileWriter) Add(e format.Entry) error {
	if len(w.block) == 0 {
		w.blocks = append(w.blocks, fileBlockRow{first: prefixStart(e.Prefix)})
	}
	w.block = format.AppendEntry(w.block, e)
	w.count++
	if len(w.block) == BlockSize {
		return w.flush()
	}
	return nil
}

func (w *FileWriter) flush() error {
	if len(w.block) == 0 {
		return nil
	}
	w.blocks[len(w.blocks)-1].sum = xxhash.Sum64(w.block)
	_, err := w.out.Write(w.block)
	w.block = w.block[:0]
	return err
}

// Finish writes tail and header, renames the file to path, and opens it.
func (w *FileWriter) Finish(path string, packs []format.PackRow, segments, inputs [][32]byte) (*File, error) {
	if err := w.end(path, packs, segments, inputs); err != nil {
		return nil, local.Fail("keep the index in", path, err)
	}
	f, err := openFile(path, w.codec)
	if errors.Is(err, errFile) {
		return nil, err
	}
	return f, local.Fail("open", path, err)
}

func (w *FileWriter) end(path string, packs []format.PackRow, segments, inputs [][32]byte) error {
	if err := w.flush(); err != nil {
		return err
	}
	tail := w.tail(packs, segments, inputs)
	if _, err := w.out.Write(tail); err != nil {
		return err
	}
	if err := w.out.Flush(); err != nil {
		return err
	}
	header := w.header(len(tail), len(packs), len(segments), len(inputs))
	sum := xxhash.New()
	sum.Write(header)
	sum.Write(tail)
	header = binary.LittleEndian.AppendUint64(header, sum.Sum64())
	if _, err := w.file.WriteAt(header, 0); err != nil {
		return err
	}
	if err := w.file.Close(); err != nil {
		return err
	}
	return os.Rename(w.file.Name(), path)
}

func (w *FileWriter) header(tail, packs, segments, inputs int) []byte {
	b := append([]byte(fileMagic), w.codec.Repository[:]...)
	b = append(b, w.codec.Keys.ID[:]...)
	for _, n := range []uint64{uint64(w.count), uint64(tail), uint64(packs), uint64(segments), uint64(inputs)} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	return b
}

func (w *FileWriter) tail(packs []format.PackRow, segments, inputs [][32]byte) (b []byte) {
	for _, block := range w.blocks {
		b = binary.LittleEndian.AppendUint64(b, block.first)
		b = binary.LittleEndian.AppendUint64(b, block.sum)
	}
	for _, p := range packs {
		b = append(append(b, p.Kind), p.Hash[:]...)
		b = binary.LittleEndian.AppendUint64(b, p.Size)
		b = binary.LittleEndian.AppendUint32(b, p.Head)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p.Stored)))
	}
	for _, p := range packs {
		for i := range p.Stored {
			b = binary.LittleEndian.AppendUint32(b, p.Stored[i])
			b = binary.LittleEndian.AppendUint32(b, p.Lengths[i])
		}
	}
	for _, s := range slices.Concat(segments, inputs) {
		b = append(b, s[:]...)
	}
	return b
}
