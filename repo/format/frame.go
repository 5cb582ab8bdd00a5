package format

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// frameEncoder makes zstd frames: with their content size in the header, as a single segment, without a dictionary, and
// with a checksum of the content. The table holds a better one. This one is for readers that have lost the table, or have
// only zstd.
type frameEncoder struct {
	zstd   *zstd.Encoder
	stored []byte // the frame made last
}

// encoderWindow is how far back a match may lie: as far as the largest frame reaches. It costs as much memory.
const encoderWindow = 4 << 20

func newFrameEncoder(level zstd.EncoderLevel) (*frameEncoder, error) {
	e, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(level),
		zstd.WithAllLitEntropyCompression(true), // as the better levels do
		zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(encoderWindow),
		zstd.WithSingleSegment(true),
		zstd.WithEncoderCRC(true),
		zstd.WithLowerEncoderMem(true),
	)
	if err != nil {
		return nil, fmt.Errorf("start the compressor: %w", err)
	}
	return &frameEncoder{zstd: e}, nil
}

// encode compresses content into a frame, which is good until the next one is made. Who fills frame after frame has a buffer
// for the largest, so there is room for that from the first: a buffer that grew with each frame that is a little larger than
// those before would leave megabytes to the collector.
func (e *frameEncoder) encode(content []byte) ([]byte, error) {
	if len(content) == 0 || len(content) > maxFrame {
		return nil, fmt.Errorf("a frame of %d bytes is not of the format", len(content))
	}
	if most := e.zstd.MaxEncodedSize(min(cap(content), maxFrame)); cap(e.stored) < most {
		e.stored = make([]byte, 0, most)
	}
	e.stored = e.zstd.EncodeAll(content, e.stored[:0])
	return e.stored, nil
}

// frameEncoders are the encoders of a repository. One takes some 12 MiB, so they go round, as many as a writer has at work;
// what is made besides, for an index segment that is put meanwhile, is let go. The zero value has none yet.
type frameEncoders struct {
	mu    sync.Mutex
	idle  map[zstd.EncoderLevel][]*frameEncoder
	inUse int

	checking sync.Mutex // one frame at a time: that takes a tenth of the time of making it, and as much memory as it holds
	decoded  []byte     // the frame checked last, decoded
}

// smallContent is what a frame holds that is made at another level: the tables of an encoder for large frames are 4 MiB, and to
// clear them takes a sixth of the time of a night without news, which makes one frame, for its manifest.
const smallContent = 32 << 10

func levelFor(content []byte) zstd.EncoderLevel {
	if len(content) <= smallContent {
		return zstd.SpeedFastest
	}
	return frameLevel
}

// take lends an encoder, which is made where none is idle.
func (p *frameEncoders) get(level zstd.EncoderLevel) (*frameEncoder, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inUse++ // also where none can be made: then nothing goes on
	idle := p.idle[level]
	if n := len(idle); n > 0 {
		p.idle[level] = idle[:n-1]
		return idle[n-1], nil
	}
	return newFrameEncoder(level)
}

func (p *frameEncoders) put(e *frameEncoder, level zstd.EncoderLevel) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inUse--
	if p.idle == nil {
		p.idle = make(map[zstd.EncoderLevel][]*frameEncoder)
	}
	if p.inUse+len(p.idle[level]) < EncodersAtOnce() {
		p.idle[level] = append(p.idle[level], e)
	}
}

// check decodes a frame again and compares: a compressor that errs, or memory that does, must be noticed while the content
// is still at hand.
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

// frameDecoder inverts frameEncoder. It may be used by several goroutines. It does not compare zstd's checksum: where that
// matters, the table's hash was compared. From a damaged frame it returns the chunks that still have their IDs.
type FrameDecoder struct{ zstd *zstd.Decoder }

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

// decode returns the length bytes that the frame holds; with an error, those before the damage, which may be wrong too. The length comes from a table or an index; the frame's own
// header must agree before anything is allocated.
func (d *FrameDecoder) Decode(stored []byte, length int) ([]byte, error) {
	return d.decodeInto(stored, length, nil)
}

// decodeInto is decode for who has a buffer to spare.
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

// maxEncoders bounds memory: an encoder takes about 10 MiB. Four outrun any mail server.
const maxEncoders = 4

// encodersAtOnce is how many frames a writer compresses at once.
func EncodersAtOnce() int { return min(runtime.GOMAXPROCS(0), maxEncoders) }

// withFrame compresses content, checks the frame, and lends it to use.
func (c *Codec) WithFrame(content []byte, use func(stored []byte) error) error {
	level := levelFor(content)
	e, err := c.encoders.get(level)
	if err != nil {
		return err
	}
	defer c.encoders.put(e, level)
	stored, err := e.encode(content)
	if err == nil {
		err = c.encoders.check(stored, content, c.Decoder)
	}
	if err != nil {
		return err
	}
	return use(stored)
}
