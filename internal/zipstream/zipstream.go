// Package zipstream writes a ZIP file in one pass, to a Writer that cannot seek, with memory that
// hardly grows.
//
//	local header, data, data descriptor     of each file: its sizes and its CRC follow the data
//	local header                            of each directory
//	central directory                       of each file again
//	end of the central directory            with the records of ZIP64 beyond 65,535 files or 4 GiB
//
// The standard library's archive/zip keeps some 400 bytes of each file until the end. A large
// mailbox has a million messages, so this package keeps the central directory compressed: about 40
// bytes of a message with a name of 80.
//
// The source is PKWARE's APPNOTE.TXT, version 6.3.10, sections 4.3 to 4.5.
package zipstream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"math"
	"time"

	"github.com/klauspost/compress/flate"
)

// Writer writes a ZIP file.
type Writer struct {
	out    counter
	data   *flate.Writer
	file   *file // that is being written; nil: none
	count  uint64
	size   uint64 // of the central directory
	kept   bytes.Buffer
	keeper *flate.Writer // writes the central directory to kept
}

// file is the entry of one file, or of a directory.
type file struct {
	kind   kind
	name   string // a directory's ends in "/"
	time   time.Time
	offset uint64 // of its local header
	start  uint64 // of its data
	size   uint64
	crc    hash.Hash32
	w      *Writer
}

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer) *Writer {
	z := &Writer{out: counter{w: w}}
	z.data, _ = flate.NewWriter(&z.out, flate.BestSpeed) // both levels are valid
	z.keeper, _ = flate.NewWriter(&z.kept, flate.DefaultCompression)
	return z
}

// errTooLarge is the error for a file that needs sizes of ZIP64.
var errTooLarge = errors.New("a file of 4 GiB or more does not fit")

const (
	version = 45 // that supports ZIP64
	unix    = 3
	utf8    = 1 << 11 // a flag: the name is UTF-8
	follow  = 1 << 3  // a flag: CRC and sizes follow the data
)

// kind is the fields of an entry that depend on what it is.
type kind struct {
	flags, method uint16
	attributes    uint32 // those of Unix, and below them those of DOS
}

var (
	regular   = kind{utf8 | follow, 8, 0o100600 << 16} // deflated
	directory = kind{utf8, 0, 0o040700<<16 | 1<<4}
)

// Create begins a file. What is written to the result, until the next call of Create, Mkdir or
// Close, is its data. The name is a path with slashes.
func (z *Writer) Create(name string, modified time.Time) (io.Writer, error) {
	f := &file{kind: regular, name: name, time: modified, crc: crc32.NewIEEE(), w: z}
	if err := z.begin(f); err != nil {
		return nil, err
	}
	z.data.Reset(&z.out)
	z.file = f
	return f, nil
}

// Mkdir adds a directory. The name is a path with slashes.
func (z *Writer) Mkdir(name string, modified time.Time) error {
	f := &file{kind: directory, name: name + "/", time: modified, w: z}
	if err := z.begin(f); err != nil {
		return err
	}
	return z.enter(f, 0, []uint32{0, 0})
}

// begin ends the file that is being written, and writes the local header of another one or of a
// directory.
func (z *Writer) begin(f *file) error {
	if err := z.endFile(); err != nil {
		return err
	}
	if f.name == "" || len(f.name) > math.MaxUint16 {
		return fmt.Errorf("a ZIP file cannot have a file with a name of %d bytes", len(f.name))
	}
	f.offset = z.out.n
	var b record
	b.u32(0x04034b50)
	b.u16(version, f.kind.flags, f.kind.method)
	b.u16(dosTime(f.time))
	b.u16(dosDate(f.time))
	b.u32(0, 0, 0) // CRC and sizes
	extra := f.extra()
	b.u16(uint16(len(f.name)), uint16(len(extra)))
	if _, err := z.out.Write(append(append(b, f.name...), extra...)); err != nil {
		return err
	}
	f.start = z.out.n
	return nil
}

// Write writes data of the file.
func (f *file) Write(p []byte) (int, error) {
	if f.w.file != f {
		return 0, errors.New("the file of the ZIP file has ended")
	}
	_, _ = f.crc.Write(p)
	f.size += uint64(len(p))
	return f.w.data.Write(p)
}

// extra returns the time of the file as Info-ZIP has it: seconds since 1970. DOS has no zone. A
// time that does not fit is left out.
func (f *file) extra() []byte {
	seconds := f.time.Unix()
	if seconds < math.MinInt32 || seconds > math.MaxInt32 {
		return nil
	}
	var b record
	b.u16(0x5455, 5)
	b = append(b, 1)
	b.u32(uint32(int32(seconds)))
	return b
}

// endFile ends the file that is being written, and adds it to the central directory.
func (z *Writer) endFile() error {
	f := z.file
	if f == nil {
		return nil
	}
	z.file = nil
	if err := z.data.Close(); err != nil {
		return err
	}
	packed := z.out.n - f.start
	if packed >= math.MaxUint32 || f.size >= math.MaxUint32 {
		return errTooLarge
	}
	sum, sizes := f.crc.Sum32(), []uint32{uint32(packed), uint32(f.size)}
	var b record
	b.u32(0x08074b50, sum)
	b.u32(sizes...)
	if _, err := z.out.Write(b); err != nil {
		return err
	}
	return z.enter(f, sum, sizes)
}

// enter adds a file or directory to the central directory. sizes are that of its data, and that of
// the file.
func (z *Writer) enter(f *file, sum uint32, sizes []uint32) error {
	extra := f.extra()
	at := uint32(min(f.offset, math.MaxUint32))
	if at == math.MaxUint32 {
		var wide record
		wide.u16(1, 8)
		extra = append(extra, binary.LittleEndian.AppendUint64(wide, f.offset)...)
	}
	var b record
	b.u32(0x02014b50)
	b.u16(unix<<8|version, version, f.kind.flags, f.kind.method)
	b.u16(dosTime(f.time))
	b.u16(dosDate(f.time))
	b.u32(sum)
	b.u32(sizes...)
	b.u16(uint16(len(f.name)), uint16(len(extra)), 0, 0, 0)
	b.u32(f.kind.attributes, at)
	b = append(append(b, f.name...), extra...)
	z.count++
	z.size += uint64(len(b))
	_, err := z.keeper.Write(b)
	return err
}

// Close writes the central directory. It does not close the Writer below.
func (z *Writer) Close() error {
	if err := errors.Join(z.endFile(), z.keeper.Close()); err != nil {
		return err
	}
	start := z.out.n
	directory := flate.NewReader(&z.kept)
	if _, err := io.Copy(&z.out, directory); err != nil {
		return err
	}
	var b record
	if z.count >= math.MaxUint16 || z.size >= math.MaxUint32 || start >= math.MaxUint32 {
		end := z.out.n
		b.u32(0x06064b50)
		b = binary.LittleEndian.AppendUint64(b, 44) // the size of the rest
		b.u16(unix<<8|version, version)
		b.u32(0, 0)
		for _, n := range []uint64{z.count, z.count, z.size, start} {
			b = binary.LittleEndian.AppendUint64(b, n)
		}
		b.u32(0x07064b50, 0)
		b = binary.LittleEndian.AppendUint64(b, end)
		b.u32(1)
	}
	count := uint16(min(z.count, math.MaxUint16))
	b.u32(0x06054b50)
	b.u16(0, 0, count, count)
	b.u32(uint32(min(z.size, math.MaxUint32)), uint32(min(start, math.MaxUint32)))
	b.u16(0)
	_, err := z.out.Write(b)
	return err
}

// record is numbers and text as a ZIP file has them.
type record []byte

func (b *record) u16(values ...uint16) {
	for _, v := range values {
		*b = binary.LittleEndian.AppendUint16(*b, v)
	}
}

func (b *record) u32(values ...uint32) {
	for _, v := range values {
		*b = binary.LittleEndian.AppendUint32(*b, v)
	}
}

// dosDate returns the day in UTC. DOS knows the years 1980 to 2107.
func dosDate(t time.Time) uint16 {
	t = inDOS(t)
	return uint16(t.Day() | int(t.Month())<<5 | (t.Year()-1980)<<9)
}

// dosTime returns the time of the day in UTC, to two seconds.
func dosTime(t time.Time) uint16 {
	t = inDOS(t)
	return uint16(t.Second()/2 | t.Minute()<<5 | t.Hour()<<11)
}

func inDOS(t time.Time) time.Time {
	t = t.UTC()
	if t.Year() < 1980 || t.Year() > 2107 {
		return time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return t
}

// counter counts what was written.
type counter struct {
	w io.Writer
	n uint64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += uint64(n)
	return n, err
}
