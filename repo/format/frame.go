package format

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/mailstrata/mailstrata/repo/format/optimal"
)

// frameEncoder makes zstd frames: content size in the header, a single segment, no dictionary, and
// a checksum of the content. The table holds a hash of each frame; the checksum is for readers that
// have lost the table or have only zstd.
type frameEncoder struct {
	compressor
	stored []byte // the last frame
}

// compressor is what a zstd.Encoder and an optimal.Encoder have in common.
type compressor interface {
	EncodeAll(content, dst []byte) []byte
	MaxEncodedSize(size int) int
}

// encoderWindow is how far back a match may lie: the size of the largest frame. It takes as much
// memory.
const encoderWindow = 4 << 20

// effort is how hard an encoder tries.
type effort uint8

const (
	// small is optimal parsing of small content: the pages, the index and the manifest of a night.
	// It takes milliseconds and few megabytes there. The other encoder of package zstd clears
	// tables of 4 MiB for each frame, which takes a sixth of the time of a run that finds no new
	// mail.
	small effort = iota

	// usual is five times as fast as the best level of package zstd and within 3 % of its size.
	// Unlike the faster levels it saves a quarter of Base64 text that was not decoded. On content
	// that was compressed before it is as fast as they are.
	usual

	// most is optimal parsing.
	most

	efforts
)

// smallContent is the content up to which a backup parses optimally.
const smallContent = 32 << 10

func effortFor(content []byte, c Compression) effort {
	switch {
	case c == Max:
		return most
	case len(content) <= smallContent:
		return small
	default:
		return usual
	}
}

func newFrameEncoder(e effort) (*frameEncoder, error) {
	if e != usual {
		return &frameEncoder{compressor: new(optimal.Encoder)}, nil
	}
	z, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(zstd.SpeedBetterCompression),
		zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(encoderWindow),
		zstd.WithSingleSegment(true),
		zstd.WithEncoderCRC(true),
		zstd.WithLowerEncoderMem(true),
	)
	if err != nil {
		return nil, fmt.Errorf("start the compressor: %w", err)
	}
	return &frameEncoder{compressor: z}, nil
}

// encode compresses content into a frame, which is valid until the next call. A caller that fills
// frame after frame has a buffer for the largest of them, so the first call makes room for that: a
// buffer that grew with each slightly larger frame would leave megabytes to the garbage collector.
func (e *frameEncoder) encode(content []byte) ([]byte, error) {
	if len(content) == 0 || len(content) > maxFrame {
		return nil, fmt.Errorf("the format has no frame of %d bytes", len(content))
	}
	if largest := e.MaxEncodedSize(min(cap(content), maxFrame)); cap(e.stored) < largest {
		e.stored = make([]byte, 0, largest)
	}
	if e.isRandom(content) {
		e.stored = appendUncompressed(e.stored[:0], content)
	} else {
		e.stored = e.EncodeAll(content, e.stored[:0])
	}
	return e.stored, nil
}

// isRandom reports whether compression would not make content smaller.
func (e *frameEncoder) isRandom(content []byte) bool {
	if len(content) < trialSize || !looksRandom(content) {
		return false
	}
	e.stored = e.EncodeAll(content[:trialSize], e.stored[:0])
	return len(e.stored) >= trialSize
}

// frameEncoders is a pool of the encoders of a repository. An encoder takes some 12 MiB, so the
// pool keeps no more than a writer uses at once. The zero value is empty.
type frameEncoders struct {
	mu    sync.Mutex
	idle  [efforts][]*frameEncoder
	inUse int

	// An encoder of the effort most takes some 90 MiB, so two are used at once, and the others
	// wait.
	mostOnce sync.Once
	most     chan struct{}

	checking sync.Mutex // one frame at a time: a check takes a tenth of the time of compression, and a frame's memory
	decoded  []byte     // the last frame that was checked
}

// mostAtOnce is how many encoders of the effort most are used at once.
const mostAtOnce = 2

// get returns an idle encoder or a new one.
func (p *frameEncoders) get(e effort) (*frameEncoder, error) {
	if e == most {
		p.mostOnce.Do(func() { p.most = make(chan struct{}, mostAtOnce) })
		p.most <- struct{}{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inUse++ // also if none can be made: then the run fails
	idle := p.idle[e]
	if n := len(idle); n > 0 {
		p.idle[e] = idle[:n-1]
		return idle[n-1], nil
	}
	return newFrameEncoder(e)
}

func (p *frameEncoders) put(encoder *frameEncoder, e effort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inUse--
	if p.inUse+len(p.idle[e]) < EncodersAtOnce() {
		p.idle[e] = append(p.idle[e], encoder)
	}
	if e == most {
		<-p.most
	}
}

// check decodes a frame and compares it with its content. An error of the compressor or of the
// memory must be found while the content still exists.
func (p *frameEncoders) check(stored, content []byte, d *FrameDecoder) error {
	p.checking.Lock()
	defer p.checking.Unlock()
	if cap(p.decoded) < len(content) {
		p.decoded = make([]byte, 0, min(cap(content), maxFrame))
	}
	again, err := d.decodeInto(stored, len(content), p.decoded)
	if err != nil {
		return fmt.Errorf("a frame just compressed does not decode: %w", err)
	}
	if !bytes.Equal(again, content) {
		return errors.New("a frame just compressed decodes to something else: memory or processor may be faulty")
	}
	return nil
}

// FrameDecoder inverts frameEncoder. It may be used by several goroutines at once. It ignores
// zstd's checksum: the caller has compared the table's hash, or compares the IDs of the chunks, of
// which some may be good even in a damaged frame.
type FrameDecoder struct{ zstd *zstd.Decoder }

// NewFrameDecoder returns a decoder.
func NewFrameDecoder() (*FrameDecoder, error) {
	d, err := zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(min(runtime.GOMAXPROCS(0), 4)),
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(maxFrame),
		zstd.WithDecoderMaxWindow(maxFrame),
		zstd.WithDecodeAllCapLimit(true),
		zstd.IgnoreChecksum(true),
	)
	if err != nil {
		return nil, fmt.Errorf("start the decompressor: %w", err)
	}
	return &FrameDecoder{d}, nil
}

// Decode returns the length bytes that the frame holds. With an error it returns the bytes before
// the damage, which may be wrong too. The length comes from a table or an index; the header of the
// frame must agree before Decode allocates.
func (d *FrameDecoder) Decode(stored []byte, length int) ([]byte, error) {
	return d.decodeInto(stored, length, nil)
}

// decodeInto is Decode into a buffer, which it uses if that is large enough.
func (d *FrameDecoder) decodeInto(stored []byte, length int, buf []byte) ([]byte, error) {
	var h zstd.Header
	if err := h.Decode(stored); err != nil {
		return nil, Damaged("not a zstd frame: %v", err)
	}
	if h.Skippable || !h.HasFCS || h.DictionaryID != 0 || h.FrameContentSize != uint64(length) || length > maxFrame {
		return nil, Damaged("not the zstd frame of %d bytes that is expected", length)
	}
	if cap(buf) < length {
		buf = make([]byte, 0, length)
	}
	content, err := d.zstd.DecodeAll(stored, buf[:0:length])
	if err != nil {
		return content, Damaged("zstd: %v", err)
	}
	if len(content) != length {
		return content, Damaged("a frame of %d bytes holds %d", length, len(content))
	}
	return content, nil
}

// maxEncoders bounds the memory of encoders. Four are faster than any mail server.
const maxEncoders = 4

// EncodersAtOnce returns how many frames a writer compresses at once.
func EncodersAtOnce() int { return min(runtime.GOMAXPROCS(0), maxEncoders) }

// WithFrame compresses content as usual, checks the frame, and calls use with it. The frame is
// valid until use returns.
func (c *Codec) WithFrame(content []byte, use func(encoded []byte) error) error {
	return c.withFrame(content, Usual, use)
}

// WithRawFrame is WithFrame for the content and the compression of a frame of a pack.
func (c *Codec) WithRawFrame(f *RawFrame, use func(encoded []byte) error) error {
	return c.withFrame(f.Content, f.Compression, use)
}

func (c *Codec) withFrame(content []byte, compression Compression, use func(encoded []byte) error) error {
	effort := effortFor(content, compression)
	e, err := c.encoders.get(effort)
	if err != nil {
		return err
	}
	defer c.encoders.put(e, effort)
	stored, err := e.encode(content)
	if err == nil {
		err = c.encoders.check(stored, content, c.Decoder)
	}
	if err != nil {
		return err
	}
	return use(stored)
}
