package repo

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"

	"github.com/klauspost/compress/zstd"
)

// frameEncoder makes zstd frames: with their content size in the header, as a single segment, without a dictionary.
// No checksum of zstd's own: the table holds a better one.
type frameEncoder struct {
	zstd    *zstd.Encoder
	decoder *frameDecoder
	again   []byte // the frame before, decoded again
}

// encoderWindow is how far back a match may lie: as far as the largest frame reaches. It costs as much memory.
const encoderWindow = 4 << 20

func newFrameEncoder(d *frameDecoder) (*frameEncoder, error) {
	e, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(frameLevel),
		zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(encoderWindow),
		zstd.WithSingleSegment(true),
		zstd.WithEncoderCRC(false),
		zstd.WithLowerEncoderMem(true),
	)
	if err != nil {
		return nil, fmt.Errorf("start the compressor: %w", err)
	}
	return &frameEncoder{zstd: e, decoder: d}, nil
}

// encode compresses content and appends the frame to dst. It decodes the frame again and compares: a compressor that
// errs, or memory that does, must be noticed while the content is still at hand.
func (e *frameEncoder) encode(content, dst []byte) ([]byte, error) {
	if len(content) == 0 || len(content) > maxFrame {
		return nil, fmt.Errorf("a frame of %d bytes is not of the format", len(content))
	}
	dst = e.zstd.EncodeAll(content, dst)
	again, err := e.decoder.decodeInto(dst, len(content), e.again)
	if err != nil {
		return nil, fmt.Errorf("a frame just compressed does not decode: %w", err)
	}
	e.again = again
	if !bytes.Equal(again, content) {
		return nil, errors.New("a frame just compressed decodes to something else: memory or processor may be faulty")
	}
	return dst, nil
}

// close ends the encoder, if there is one.
func (e *frameEncoder) close() {
	if e != nil {
		e.zstd.Close()
	}
}

// frameDecoder inverts frameEncoder. It may be used by several goroutines.
type frameDecoder struct{ zstd *zstd.Decoder }

func newFrameDecoder() (*frameDecoder, error) {
	d, err := zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(min(runtime.GOMAXPROCS(0), 4)),
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(maxFrame),
		zstd.WithDecoderMaxWindow(maxFrame),
		zstd.WithDecodeAllCapLimit(true),
	)
	if err != nil {
		return nil, fmt.Errorf("start the decompressor: %w", err)
	}
	return &frameDecoder{d}, nil
}

// decode returns the length bytes that the frame holds. The length comes from a table or an index; the frame's own
// header must agree before anything is allocated.
func (d *frameDecoder) decode(stored []byte, length int) ([]byte, error) {
	return d.decodeInto(stored, length, nil)
}

// decodeInto is decode for who has a buffer to spare.
func (d *frameDecoder) decodeInto(stored []byte, length int, buf []byte) ([]byte, error) {
	var h zstd.Header
	if err := h.Decode(stored); err != nil {
		return nil, damaged("not a zstd frame: %v", err)
	}
	if h.Skippable || !h.HasFCS || h.DictionaryID != 0 || h.FrameContentSize != uint64(length) || length > maxFrame {
		return nil, damaged("not the zstd frame of %d bytes that is expected", length)
	}
	if cap(buf) < length {
		buf = make([]byte, 0, length)
	}
	content, err := d.zstd.DecodeAll(stored, buf[:0:length])
	if err != nil {
		return nil, damaged("zstd: %v", err)
	}
	if len(content) != length {
		return nil, damaged("a frame of %d bytes holds %d", length, len(content))
	}
	return content, nil
}
