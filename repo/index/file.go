package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"sort"

	"github.com/cespare/xxhash/v2"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
)

// An index file is the local form of one or more index segments: sorted entries, which are searched
// with pread. It is a cache, and not part of the durable format.
//
//	header    magic ‖ repository ‖ key id ‖ counts ‖ checksum of header and tail
//	entries   n × 28 bytes, ascending, in blocks of 256
//	tail      for each block the first 8 bytes of its first prefix, and its checksum
//	          for each pack its kind, hash, size, head length, number of frames
//	          for each frame its two lengths
//	          the hashes of the segments, and of those that these replace
//
// The tail is kept in memory: less than 2 MB for ten million entries. A lookup reads one block of 7
// KiB, which the system has in its page cache; pages of a mapped file would count as memory of this
// process. A small file is kept in memory whole: a system call for each chunk of each message would
// take a twentieth of the time of a restore.
const (
	fileMagic  = "msflat\x00\x02"
	fileHeader = 8 + 16 + 8 + 5*8 + 8
	fileBlock  = 256
	BlockSize  = fileBlock * format.EntrySize
	filePack   = 1 + 32 + 8 + 4 + 4

	smallFile = 2 << 20 // bytes of entries: 75,000 chunks
)

var errFile = errors.New("not a whole index file of this repository")

// frameAt is where a frame is.
type frameAt struct {
	pack   uint32
	offset uint32 // in the container
	frame  int    // in the pack
}

// File is an open index file.
type File struct {
	file     *os.File
	path     string
	Count    int64 // of entries
	blocks   []fileBlockRow
	Packs    []format.PackRow
	places   []frameAt // of each frame
	whole    []byte    // all blocks, of a small file
	segments [][32]byte
	inputs   [][32]byte // that the segments replace
}

type fileBlockRow struct{ first, sum uint64 }

func prefixStart(p chunk.Prefix) uint64 { return binary.BigEndian.Uint64(p[:]) }

// openFile inverts FileWriter. Blocks of entries are checked when they are read.
func openFile(path string, codec *format.Codec) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	f := &File{file: file, path: path}
	if err := f.load(codec); err != nil {
		_ = file.Close()
		return nil, err
	}
	return f, nil
}

func (f *File) load(codec *format.Codec) error {
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	header := make([]byte, fileHeader)
	if _, err := io.ReadFull(f.file, header); err != nil {
		return errFile
	}
	number := func(i int) uint64 { return binary.LittleEndian.Uint64(header[32+8*i:]) }
	if string(header[:8]) != fileMagic || [16]byte(header[8:]) != codec.Repository ||
		[8]byte(header[24:]) != codec.Keys.ID {
		return errFile
	}
	count, length, packs, segments, inputs := number(0), number(1), number(2), number(3), number(4)
	room := uint64(info.Size()) - fileHeader
	if length > room || count > room/format.EntrySize || room-length != count*format.EntrySize {
		return errFile
	}
	tail := make([]byte, length)
	if _, err := f.file.ReadAt(tail, info.Size()-int64(length)); err != nil {
		return errFile
	}
	sum := xxhash.New()
	sum.Write(header[:fileHeader-8])
	sum.Write(tail)
	if sum.Sum64() != binary.LittleEndian.Uint64(header[fileHeader-8:]) {
		return errFile
	}
	f.Count = int64(count)
	if err := f.loadTail(tail, packs, segments, inputs); err != nil || count*format.EntrySize > smallFile {
		return err
	}
	return f.loadWhole()
}

// loadWhole reads and checks all blocks.
func (f *File) loadWhole() error {
	whole := make([]byte, f.Count*format.EntrySize)
	for i := range f.blocks {
		if _, err := f.block(i, whole[i*BlockSize:]); err != nil {
			return errFile
		}
	}
	f.whole = whole
	return nil
}

// loadTail parses a tail whose checksum is right. It still trusts no count without the bytes.
func (f *File) loadTail(b []byte, packs, segments, inputs uint64) error {
	take := func(n uint64) []byte {
		if n > uint64(len(b)) {
			return nil
		}
		taken := b[:n]
		b = b[n:]
		return taken
	}
	blocks := uint64(f.Count+fileBlock-1) / fileBlock
	if packs > uint64(len(b)) || segments > uint64(len(b)) || inputs > uint64(len(b)) {
		return errFile
	}
	rows, descriptions := take(16*blocks), take(filePack*packs)
	if rows == nil || descriptions == nil {
		return errFile
	}
	for row := range slices.Chunk(rows, 16) {
		f.blocks = append(f.blocks, fileBlockRow{binary.LittleEndian.Uint64(row), binary.LittleEndian.Uint64(row[8:])})
	}
	for d := range slices.Chunk(descriptions, filePack) {
		frames := uint64(binary.LittleEndian.Uint32(d[45:]))
		lengths := take(8 * frames)
		if lengths == nil {
			return errFile
		}
		p := format.PackRow{
			Kind: d[0], Hash: [32]byte(d[1:]),
			Size: binary.LittleEndian.Uint64(d[33:]), Head: binary.LittleEndian.Uint32(d[41:]),
		}
		for pair := range slices.Chunk(lengths, 8) {
			p.Stored = append(p.Stored, binary.LittleEndian.Uint32(pair))
			p.Lengths = append(p.Lengths, binary.LittleEndian.Uint32(pair[4:]))
		}
		if p.Check() != nil {
			return errFile
		}
		f.addPack(p)
	}
	if uint64(len(b)) != 32*(segments+inputs) {
		return errFile
	}
	for s := range slices.Chunk(b[:32*segments], 32) {
		f.segments = append(f.segments, [32]byte(s))
	}
	for s := range slices.Chunk(b[32*segments:], 32) {
		f.inputs = append(f.inputs, [32]byte(s))
	}
	return nil
}

// addPack adds a pack and where its frames are.
func (f *File) addPack(p format.PackRow) {
	offset := p.Head
	for i, stored := range p.Stored {
		f.places = append(f.places, frameAt{pack: uint32(len(f.Packs)), offset: offset, frame: i})
		offset += stored
	}
	f.Packs = append(f.Packs, p)
}

// unindexed reports whether the file was made from the tables of packs that no segment describes.
func (f *File) unindexed() bool { return len(f.segments) == 0 }

func (f *File) close() { _ = f.file.Close() }

// Remove closes the file and removes it.
func (f *File) Remove() {
	f.close()
	_ = os.Remove(f.path)
}

// PackOf returns the pack of an entry, as an index of Packs.
func (f *File) PackOf(e format.Entry) int { return int(f.places[e.Frame].pack) }

// block reads and checks block i.
func (f *File) block(i int, buf []byte) ([]byte, error) {
	entries := min(fileBlock, f.Count-int64(i)*fileBlock)
	if f.whole != nil {
		return f.whole[i*BlockSize:][:entries*format.EntrySize], nil
	}
	buf = buf[:entries*format.EntrySize]
	if _, err := f.file.ReadAt(buf, fileHeader+int64(i)*BlockSize); err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, errors.Join(errFile, err))
	}
	if xxhash.Sum64(buf) != f.blocks[i].sum {
		return nil, fmt.Errorf("%s: %w", f.path, errFile)
	}
	return buf, nil
}

// findAll yields every entry of some prefixes. It reads blocks by read.
func (f *File) findAll(prefixes []chunk.Prefix, read readBlock, yield func(format.Entry) bool) (err error) {
	more := true
	for _, p := range prefixes {
		err = f.seek(p, read, func(_ int64, e format.Entry) bool {
			more = yield(e)
			return more
		})
		if err != nil || !more {
			break
		}
	}
	return err
}

// readBlock reads a block of a file. What it returns is valid until the next call.
type readBlock func(number int) ([]byte, error)

// reader returns what reads blocks into buf, which holds one. It remembers the last one, because
// lookups of ascending prefixes need it many times.
func (f *File) reader(buf []byte) readBlock {
	return remembering(func(i int) ([]byte, error) { return f.block(i, buf) })
}

// remembering returns read with a memory of the last block.
func remembering(read readBlock) readBlock {
	last := -1
	var block []byte
	return func(i int) (_ []byte, err error) {
		if i == last {
			return block, nil
		}
		last = -1 // what was in the memory of the last block
		if block, err = read(i); err == nil {
			last = i
		}
		return block, err
	}
}

// Seek yields every entry of a prefix, with its number in the file. buf holds a block.
func (f *File) Seek(p chunk.Prefix, buf []byte, yield func(int64, format.Entry) bool) error {
	return f.seek(p, func(i int) ([]byte, error) { return f.block(i, buf) }, yield)
}

// seek is Seek with a function that reads a block.
func (f *File) seek(p chunk.Prefix, read readBlock, yield func(int64, format.Entry) bool) error {
	start := prefixStart(p)
	// The first block that begins at or after start may be preceded by one that holds start in its
	// middle.
	i := max(sort.Search(len(f.blocks), func(i int) bool { return f.blocks[i].first >= start })-1, 0)
	for ; i < len(f.blocks) && f.blocks[i].first <= start; i++ {
		block, err := read(i)
		if err != nil {
			return err
		}
		n := len(block) / format.EntrySize
		j := sort.Search(n, func(j int) bool { return chunk.Prefix(block[j*format.EntrySize:]).Compare(p) >= 0 })
		for ; j < n; j++ {
			e := format.EntryAt(block, j)
			if e.Prefix != p {
				return nil
			}
			if int(e.Frame) >= len(f.places) {
				return fmt.Errorf("%s: %w", f.path, errFile)
			}
			if !yield(int64(i)*fileBlock+int64(j), e) {
				return nil
			}
		}
	}
	return nil
}

// All yields every entry in order. After an error it yields nothing more.
func (f *File) All() iter.Seq2[format.Entry, error] {
	return func(yield func(format.Entry, error) bool) {
		buf := make([]byte, BlockSize)
		for i := range f.blocks {
			block, err := f.block(i, buf)
			if err != nil {
				yield(format.Entry{}, err)
				return
			}
			for j := range len(block) / format.EntrySize {
				if !yield(format.EntryAt(block, j), nil) {
					return
				}
			}
		}
	}
}
