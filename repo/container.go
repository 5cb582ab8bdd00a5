package repo

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"github.com/zeebo/blake3"
)

// A container is the one form of every object (docs/format.md, "Container"):
//
//	50 2A 4D 18  u32 length  head                       a zstd skippable frame
//	zstd frame …                                        the content
//	51 2A 4D 18  u32 length  table ‖ zeros ‖ trailer    a zstd skippable frame
//	trailer      tag (32) ‖ offset of table (u64) ‖ length of table (u64) ‖ "mstrata\x01"
//
// All of this is part of the durable format.
const (
	headMagic    = 0x184D2A50
	tableMagic   = 0x184D2A51
	trailerMagic = "mstrata\x01"

	skippableHeader = 8 // magic and length
	trailerSize     = 32 + 8 + 8 + len(trailerMagic)

	headName   = "mailstrata"
	version    = 1
	algorithms = "blake3 zstd"

	maxFrame   = 16 << 20  // content of a frame
	maxFrames  = 1 << 16   // frames of a container
	maxHead    = 1 << 10   // encoded head
	maxTable   = 64 << 20  // encoded table
	maxContent = 256 << 20 // content of a container that is not a pack
)

// Kind is what an object is.
type Kind string

// The kinds of objects. Part of the durable format.
const (
	KindConfig       Kind = "config"
	KindKey          Kind = "key"
	KindData         Kind = "data"
	KindCatalog      Kind = "catalog"
	KindIndex        Kind = "index"
	KindManifest     Kind = "manifest"
	KindMark         Kind = "mark"
	KindCondemnation Kind = "condemnation"
	KindNote         Kind = "note"
	KindCheck        Kind = "check"
	KindRenewal      Kind = "renewal"
	KindErasure      Kind = "erasure"
)

// folder is where a store keeps objects of the kind; empty for a kind that this version does not know.
func (k Kind) folder() string {
	switch k {
	case KindConfig, KindData, KindCatalog, KindIndex:
		return string(k) + "/"
	case KindKey:
		return "keys/"
	case KindManifest:
		return "manifests/"
	case KindMark:
		return "marks/"
	case KindCondemnation:
		return "condemned/"
	case KindNote:
		return "notes/"
	case KindCheck:
		return "checks/"
	case KindRenewal:
		return "renewals/"
	case KindErasure:
		return "erasures/"
	}
	return ""
}

// head says what an object is.
type head struct {
	Name       string     `cbor:"0,keyasint"`
	Kind       Kind       `cbor:"1,keyasint"`
	Version    uint64     `cbor:"2,keyasint"`
	Repository [16]byte   `cbor:"3,keyasint"`
	KeyID      [8]byte    `cbor:"4,keyasint"`
	Algorithms string     `cbor:"5,keyasint"`
	Ext        extensions `cbor:"63,keyasint,omitempty"`
}

func newHead(kind Kind, repository [16]byte, k *keys) head {
	return head{Name: headName, Kind: kind, Version: version, Repository: repository, KeyID: k.id, Algorithms: algorithms}
}

// table describes what lies between head and table; the kinds use different parts of it.
type table struct {
	Frames []frameRow `cbor:"1,keyasint"`
	Salt   []byte     `cbor:"2,keyasint,omitempty"` // packs
	Lanes  []laneRow  `cbor:"3,keyasint,omitempty"`
	Packs  []packRow  `cbor:"4,keyasint,omitempty"` // index segments
	Blocks []blockRow `cbor:"5,keyasint,omitempty"`
	Inputs [][32]byte `cbor:"6,keyasint,omitempty"`
	Proofs []packSum  `cbor:"7,keyasint,omitempty"`
	Ext    extensions `cbor:"63,keyasint,omitempty"`
}

// frameRow describes a frame.
type frameRow struct {
	_      struct{} `cbor:",toarray"`
	Stored uint32   // compressed length
	Length uint32   // of the content
	Hash   [32]byte // of the compressed frame
}

// containerWriter writes one container to a stream.
type containerWriter struct {
	w      io.Writer
	keys   *keys
	head   []byte
	offset int64
	frames []frameRow
}

func newContainerWriter(w io.Writer, h head, k *keys) (*containerWriter, error) {
	encoded, err := encode(h)
	if err != nil {
		return nil, err
	}
	c := &containerWriter{w: w, keys: k, head: encoded}
	return c, c.write(append(skippable(headMagic, len(encoded)), encoded...))
}

// frame adds a frame that encodeFrame made from length bytes.
func (c *containerWriter) frame(stored []byte, length int) error {
	if len(c.frames) == maxFrames {
		return fmt.Errorf("a container holds at most %d frames", maxFrames)
	}
	c.frames = append(c.frames, frameRow{
		Stored: uint32(len(stored)), Length: uint32(length), Hash: blake3.Sum256(stored),
	})
	return c.write(stored)
}

// finish writes the table, of which the caller fills in what its kind has beyond the frames.
func (c *containerWriter) finish(t table) error {
	t.Frames = c.frames
	encoded, err := encode(t)
	if err != nil {
		return err
	}
	if len(encoded) > maxTable {
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

func (c *containerWriter) write(b []byte) error {
	n, err := c.w.Write(b)
	c.offset += int64(n)
	return err
}

func skippable(magic uint32, length int) []byte {
	b := make([]byte, 0, skippableHeader+length)
	b = binary.LittleEndian.AppendUint32(b, magic)
	return binary.LittleEndian.AppendUint32(b, uint32(length))
}

// maxPadding bounds what padding costs. Part of the durable format.
const maxPadding = 1 << 16

// padme is the length to which a container of n bytes is padded, so that lengths tell little (Nikitin et al.,
// "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", 2019): at most 12 % more, and never
// more than maxPadding, for packs are full mostly, and padded by the paper's rule waste a percent of all that is stored.
func padme(n int64) int64 {
	if n < 2 {
		return n
	}
	e := bits.Len64(uint64(n)) - 1
	s := bits.Len64(uint64(e))
	mask := min(int64(1)<<(e-s), maxPadding) - 1
	return (n + mask) &^ mask
}

// container is an object that was opened and parsed. Whether it may be believed, check says.
type container struct {
	r      io.ReaderAt
	head   head
	table  table
	frames []int64 // where each frame begins, and where the last ends

	rawHead, rawTable []byte
	tableAt           int64 // where the table frame begins
	tag               [32]byte
}

// parseContainer inverts containerWriter. It checks all but the tag, which needs a key, and the frames. What it
// allocates is bounded by the size of the object. Where k is given, the tag is checked before the table is decoded.
func parseContainer(r io.ReaderAt, size int64, k *keys) (*container, error) {
	c := &container{r: r}
	if err := c.readHead(size); err != nil {
		return nil, err
	}
	if err := c.readTable(size); err != nil {
		return nil, err
	}
	if k != nil {
		if err := c.signed(k); err != nil {
			return nil, err
		}
	}
	if err := decode(c.rawTable, &c.table); err != nil {
		return nil, fmt.Errorf("table: %w", err)
	}
	return c, c.layOut()
}

func (c *container) readHead(size int64) error {
	if size < int64(2*skippableHeader+trailerSize) {
		return damaged("%d bytes are no object", size)
	}
	frame := make([]byte, min(size-int64(trailerSize), skippableHeader+maxHead))
	if err := readFull(c.r, frame, 0); err != nil {
		return err
	}
	length := int64(binary.LittleEndian.Uint32(frame[4:]))
	if binary.LittleEndian.Uint32(frame) != headMagic {
		return damaged("it does not begin with a head")
	}
	if length > int64(len(frame)-skippableHeader) {
		return damaged("a head of %d bytes", length)
	}
	c.rawHead = frame[skippableHeader : skippableHeader+length]
	return c.decodeHead()
}

// decodeHead refuses an object of a version that this program does not know before anything else is said against it.
func (c *container) decodeHead() error {
	h := &c.head
	if err := cborModes().Unmarshal(c.rawHead, h); err != nil || h.Name != headName {
		return damaged("its head is not one of mailstrata's")
	}
	if h.Version != version {
		return fmt.Errorf("version %d of the format: %w", h.Version, ErrNewer)
	}
	if h.Algorithms != algorithms || h.Kind.folder() == "" {
		return fmt.Errorf("an object of kind %q with algorithms %q: %w", h.Kind, h.Algorithms, ErrNewer)
	}
	*h = head{}
	return decode(c.rawHead, h)
}

func (c *container) readTable(size int64) error {
	var trailer [trailerSize]byte
	if err := readFull(c.r, trailer[:], size-int64(trailerSize)); err != nil {
		return err
	}
	offset := binary.LittleEndian.Uint64(trailer[32:])
	length := binary.LittleEndian.Uint64(trailer[40:])
	if string(trailer[48:]) != trailerMagic {
		return damaged("it does not end with a trailer")
	}
	first := uint64(2*skippableHeader + len(c.rawHead))
	room := uint64(size) - uint64(trailerSize)
	if length > maxTable || offset < first || offset > room || length > room-offset {
		return damaged("a table of %d bytes at %d in %d bytes", length, offset, size)
	}
	if end := int64(offset+length) + int64(trailerSize); size != padme(end) {
		return damaged("%d bytes padded to %d", end, size)
	}
	c.tag, c.tableAt = [32]byte(trailer[:32]), int64(offset)-skippableHeader

	b := make([]byte, uint64(size)-offset+skippableHeader)
	if err := readFull(c.r, b, c.tableAt); err != nil {
		return err
	}
	frame, padding := b[:skippableHeader], b[skippableHeader+length:len(b)-trailerSize]
	if binary.LittleEndian.Uint32(frame) != tableMagic ||
		uint64(binary.LittleEndian.Uint32(frame[4:])) != uint64(len(b)-skippableHeader) {
		return damaged("the table is not where the trailer says")
	}
	for _, zero := range padding {
		if zero != 0 {
			return damaged("the padding is not zeros")
		}
	}
	c.rawTable = b[skippableHeader : skippableHeader+length]
	return nil
}

// layOut finds where the frames are and makes sure that they fill the space between head and table.
func (c *container) layOut() error {
	if len(c.table.Frames) == 0 {
		return damaged("it holds no frames")
	}
	at := int64(skippableHeader + len(c.rawHead))
	c.frames = append(make([]int64, 0, len(c.table.Frames)+1), at)
	for i, f := range c.table.Frames {
		if f.Length == 0 || f.Length > maxFrame {
			return damaged("frame %d holds %d bytes", i, f.Length)
		}
		at += int64(f.Stored)
		c.frames = append(c.frames, at)
	}
	if at != c.tableAt {
		return damaged("the frames do not fill the space between head and table")
	}
	return nil
}

// signed checks that the object was made with the repository's secret.
func (c *container) signed(k *keys) error {
	if c.head.KeyID != k.id {
		return fmt.Errorf("made under key id %s: %w", hex.EncodeToString(c.head.KeyID[:]), ErrNotMine)
	}
	if !k.signed(c.rawHead, c.rawTable, c.tag) {
		return fmt.Errorf("its tag is wrong: %w", ErrNotMine)
	}
	return nil
}

// is checks that the object is of a kind and of a repository.
func (c *container) is(kind Kind, repository [16]byte) error {
	if c.head.Kind != kind {
		return fmt.Errorf("it says that it is of kind %q, not %q: %w", c.head.Kind, kind, ErrNotMine)
	}
	if c.head.Repository != repository {
		return fmt.Errorf("of repository %s: %w", hex.EncodeToString(c.head.Repository[:]), ErrNotMine)
	}
	return nil
}

// stored reads frame i as it is stored, into buf if that is large enough, and checks its hash.
func (c *container) stored(i int, buf []byte) ([]byte, error) {
	length := int(c.table.Frames[i].Stored)
	if cap(buf) < length {
		buf = make([]byte, length)
	}
	buf = buf[:length]
	if err := readFull(c.r, buf, c.frames[i]); err != nil {
		return nil, fmt.Errorf("frame %d of %d: %w", i+1, len(c.table.Frames), err)
	}
	if blake3.Sum256(buf) != c.table.Frames[i].Hash {
		return nil, fmt.Errorf("frame %d of %d: %w", i+1, len(c.table.Frames), damaged("its hash is not the table's"))
	}
	return buf, nil
}

// frame reads and decodes frame i.
func (c *container) frame(i int, d *frameDecoder) ([]byte, error) {
	stored, err := c.stored(i, nil)
	if err != nil {
		return nil, err
	}
	content, err := d.decode(stored, int(c.table.Frames[i].Length))
	if err != nil {
		return nil, fmt.Errorf("frame %d of %d: %w", i+1, len(c.table.Frames), err)
	}
	return content, nil
}

// content reads and decodes all frames.
func (c *container) content(d *frameDecoder) ([]byte, error) {
	var all []byte
	for i := range c.table.Frames {
		if len(all)+int(c.table.Frames[i].Length) > maxContent {
			return nil, damaged("its content is larger than %d bytes", maxContent)
		}
		content, err := c.frame(i, d)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = content
		} else {
			all = append(all, content...)
		}
	}
	return all, nil
}

// readFull fills b from offset; an end before that is damage.
func readFull(r io.ReaderAt, b []byte, offset int64) error {
	n, err := r.ReadAt(b, offset)
	switch {
	case n == len(b):
		return nil
	case err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return damaged("it ends at byte %d", offset+int64(n))
	default:
		return err
	}
}
