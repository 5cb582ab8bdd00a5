package format

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

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
	MaxFrames  = 1 << 16   // frames of a container
	maxHead    = 1 << 10   // encoded head
	MaxTable   = 64 << 20  // encoded table
	MaxContent = 256 << 20 // content of a container that is not a pack
)

// head is the first part of a container: what the object is.
type head struct {
	Name       string     `cbor:"0,keyasint"`
	Kind       Kind       `cbor:"1,keyasint"`
	Version    uint64     `cbor:"2,keyasint"`
	Repository [16]byte   `cbor:"3,keyasint"`
	KeyID      [8]byte    `cbor:"4,keyasint"`
	Algorithms string     `cbor:"5,keyasint"`
	Ext        Extensions `cbor:"63,keyasint,omitempty"`
}

func newHead(kind Kind, repository [16]byte, k *Keys) head {
	return head{
		Name: headName, Kind: kind, Version: version, Repository: repository, KeyID: k.ID,
		Algorithms: algorithms,
	}
}

// Table is the last part of a container. It describes the frames, and what they hold: each kind
// uses some of its fields.
type Table struct {
	Frames []frameRow   `cbor:"1,keyasint"`
	Salt   []byte       `cbor:"2,keyasint,omitempty"` // packs
	Lanes  []LaneRow    `cbor:"3,keyasint,omitempty"`
	Packs  []PackRow    `cbor:"4,keyasint,omitempty"` // index segments
	Blocks []blockRow   `cbor:"5,keyasint,omitempty"`
	Inputs [][32]byte   `cbor:"6,keyasint,omitempty"`
	Proofs []PackDigest `cbor:"7,keyasint,omitempty"`
	Ext    Extensions   `cbor:"63,keyasint,omitempty"`
}

// frameRow describes a frame.
type frameRow struct {
	_      struct{} `cbor:",toarray"`
	Stored uint32   // compressed length
	Length uint32   // of the content
	Hash   [32]byte // of the compressed frame
}

// Container is an object that was parsed.
type Container struct {
	r      io.ReaderAt
	Head   head
	Table  Table
	frames []int64 // where each frame begins, and where the last ends

	rawHead, rawTable []byte
	tableAt           int64 // where the table frame begins
	tag               [32]byte
}

// ParseContainer inverts ContainerWriter. It checks everything but the frames, which are checked as
// they are read. With keys it checks the tag before it decodes the table; without, the caller must
// use CheckTag. The size of the object bounds what it allocates.
func ParseContainer(r io.ReaderAt, size int64, k *Keys) (*Container, error) {
	c := &Container{r: r}
	if err := c.readHead(size); err != nil {
		return nil, err
	}
	if err := c.readTable(size); err != nil {
		return nil, err
	}
	if k != nil {
		if err := c.CheckTag(k); err != nil {
			return nil, err
		}
	}
	if err := Decode(c.rawTable, &c.Table); err != nil {
		return nil, fmt.Errorf("table: %w", err)
	}
	return c, c.locateFrames()
}

func (c *Container) readHead(size int64) error {
	if size < int64(2*skippableHeader+trailerSize) {
		return Damaged("%d bytes are no object", size)
	}
	frame := make([]byte, min(size-int64(trailerSize), skippableHeader+maxHead))
	if err := readFull(c.r, frame, 0); err != nil {
		return err
	}
	length := int64(binary.LittleEndian.Uint32(frame[4:]))
	if binary.LittleEndian.Uint32(frame) != headMagic {
		return Damaged("it does not begin with a head")
	}
	if length > int64(len(frame)-skippableHeader) {
		return Damaged("a head of %d bytes", length)
	}
	c.rawHead = frame[skippableHeader : skippableHeader+length]
	return c.decodeHead()
}

// decodeHead checks the version first: nothing else can be said about an object of a newer version.
func (c *Container) decodeHead() error {
	h := &c.Head
	if err := cborModes().Unmarshal(c.rawHead, h); err != nil || h.Name != headName {
		return Damaged("its head is not one of mailstrata's")
	}
	if h.Version != version {
		return fmt.Errorf("version %d of the format: %w", h.Version, ErrNewer)
	}
	if h.Algorithms != algorithms || h.Kind.Folder() == "" {
		return fmt.Errorf("an object of kind %q with algorithms %q: %w", h.Kind, h.Algorithms, ErrNewer)
	}
	*h = head{}
	return Decode(c.rawHead, h)
}

func (c *Container) readTable(size int64) error {
	var trailer [trailerSize]byte
	if err := readFull(c.r, trailer[:], size-int64(trailerSize)); err != nil {
		return err
	}
	offset := binary.LittleEndian.Uint64(trailer[32:])
	length := binary.LittleEndian.Uint64(trailer[40:])
	if string(trailer[48:]) != trailerMagic {
		return Damaged("it does not end with a trailer")
	}
	first := uint64(2*skippableHeader + len(c.rawHead))
	room := uint64(size) - uint64(trailerSize)
	if length > MaxTable || offset < first || offset > room || length > room-offset {
		return Damaged("a table of %d bytes at %d in %d bytes", length, offset, size)
	}
	if end := int64(offset+length) + int64(trailerSize); size != padme(end) {
		return Damaged("%d bytes padded to %d", end, size)
	}
	c.tag, c.tableAt = [32]byte(trailer[:32]), int64(offset)-skippableHeader

	b := make([]byte, uint64(size)-offset+skippableHeader)
	if err := readFull(c.r, b, c.tableAt); err != nil {
		return err
	}
	frame, padding := b[:skippableHeader], b[skippableHeader+length:len(b)-trailerSize]
	if binary.LittleEndian.Uint32(frame) != tableMagic ||
		uint64(binary.LittleEndian.Uint32(frame[4:])) != uint64(len(b)-skippableHeader) {
		return Damaged("the table is not where the trailer says")
	}
	for _, zero := range padding {
		if zero != 0 {
			return Damaged("the padding is not zeros")
		}
	}
	c.rawTable = b[skippableHeader : skippableHeader+length]
	return nil
}

// locateFrames computes where the frames are and checks that they fill the space between head and
// table.
func (c *Container) locateFrames() error {
	if len(c.Table.Frames) == 0 {
		return Damaged("it holds no frames")
	}
	at := int64(skippableHeader + len(c.rawHead))
	c.frames = append(make([]int64, 0, len(c.Table.Frames)+1), at)
	for i, f := range c.Table.Frames {
		if f.Length == 0 || f.Length > maxFrame {
			return Damaged("frame %d holds %d bytes", i, f.Length)
		}
		at += int64(f.Stored)
		c.frames = append(c.frames, at)
	}
	if at != c.tableAt {
		return Damaged("the frames do not fill the space between head and table")
	}
	return nil
}

// CheckTag checks that the object was made with the repository's secret.
func (c *Container) CheckTag(k *Keys) error {
	if c.Head.KeyID != k.ID {
		return fmt.Errorf("made under key id %s: %w", hex.EncodeToString(c.Head.KeyID[:]), ErrNotMine)
	}
	if !k.signed(c.rawHead, c.rawTable, c.tag) {
		return fmt.Errorf("its tag is wrong: %w", ErrNotMine)
	}
	return nil
}

// CheckKind checks that the object is of a kind and of a repository.
func (c *Container) CheckKind(kind Kind, repository [16]byte) error {
	if c.Head.Kind != kind {
		return fmt.Errorf("its kind is %q, not %q: %w", c.Head.Kind, kind, ErrNotMine)
	}
	if c.Head.Repository != repository {
		return fmt.Errorf("of repository %s: %w", hex.EncodeToString(c.Head.Repository[:]), ErrNotMine)
	}
	return nil
}

// storedFrame reads frame i as it is stored, into buf if that is large enough, and checks its hash.
func (c *Container) storedFrame(i int, buf []byte) ([]byte, error) {
	length := int(c.Table.Frames[i].Stored)
	if cap(buf) < length {
		buf = make([]byte, length)
	}
	buf = buf[:length]
	if err := readFull(c.r, buf, c.frames[i]); err != nil {
		return nil, fmt.Errorf("frame %d of %d: %w", i+1, len(c.Table.Frames), err)
	}
	if blake3.Sum256(buf) != c.Table.Frames[i].Hash {
		return nil, fmt.Errorf("frame %d of %d: %w", i+1, len(c.Table.Frames), Damaged("its hash is not the table's"))
	}
	return buf, nil
}

// Frame reads and decodes frame i.
func (c *Container) Frame(i int, d *FrameDecoder) ([]byte, error) {
	stored, err := c.storedFrame(i, nil)
	if err != nil {
		return nil, err
	}
	content, err := d.Decode(stored, int(c.Table.Frames[i].Length))
	if err != nil {
		return nil, fmt.Errorf("frame %d of %d: %w", i+1, len(c.Table.Frames), err)
	}
	return content, nil
}

// Content reads and decodes all frames.
func (c *Container) Content(d *FrameDecoder) ([]byte, error) {
	var all []byte
	for i := range c.Table.Frames {
		if len(all)+int(c.Table.Frames[i].Length) > MaxContent {
			return nil, Damaged("its content is larger than %d bytes", MaxContent)
		}
		content, err := c.Frame(i, d)
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

// readFull fills b from offset. If r ends before that, the object is damaged.
func readFull(r io.ReaderAt, b []byte, offset int64) error {
	n, err := r.ReadAt(b, offset)
	switch {
	case n == len(b):
		return nil
	case err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return Damaged("it ends at byte %d", offset+int64(n))
	default:
		return err
	}
}
