package format

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// randomBytes returns n bytes, the same ones for the same seed.
func randomBytes(seed byte, n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// A frame of random bytes is not compressed, and not larger than one that zstd made.
func TestRandomFramesAreNotCompressed(t *testing.T) {
	e, err := newFrameEncoder(usual)
	if err != nil {
		t.Fatal(err)
	}
	for seed := range byte(16) {
		content := randomBytes(seed, 4<<20+int(seed)*1000)
		stored, err := e.encode(content)
		if err != nil {
			t.Fatal(err)
		}
		if want := appendUncompressed(nil, content); !bytes.Equal(stored, want) {
			t.Errorf("seed %d: a frame of %d bytes, want %d bytes", seed, len(stored), len(want))
		}
		if theirs := e.EncodeAll(content, nil); len(stored) > len(theirs) {
			t.Errorf("seed %d: %d bytes, and zstd makes it %d", seed, len(stored), len(theirs))
		}
	}
}

// What zstd makes smaller is compressed, even if little of it is or if byte values are distributed
// evenly.
func TestFramesThatAreNotRandomAreCompressed(t *testing.T) {
	e, err := newFrameEncoder(usual)
	if err != nil {
		t.Fatal(err)
	}
	var counting []byte
	for range 1 << 14 {
		for i := range 256 {
			counting = append(counting, byte(i))
		}
	}
	text := append(randomBytes(1, 4<<20), bytes.Repeat([]byte("Received: from mail.example\r\n"), 3000)...)
	copy(text[1<<20:], text[len(text)-80_000:])
	for name, content := range map[string][]byte{
		"each value in turn": counting,
		"repeated noise":     bytes.Repeat(randomBytes(1, 64<<10), 64),
		"text within noise":  text,
		"few values":         bytes.ReplaceAll(randomBytes(1, 1<<20), []byte{0}, []byte{1}),
	} {
		stored, err := e.encode(content)
		if err != nil {
			t.Fatal(err)
		}
		if theirs := e.EncodeAll(content, nil); !bytes.Equal(stored, theirs) {
			t.Errorf("%s: %d bytes of %d, want the %d that zstd makes it", name, len(stored), len(content), len(theirs))
		}
	}
}

// FuzzUncompressed checks that any decoder of zstd reads frames of uncompressed blocks, with their
// checksum.
func FuzzUncompressed(f *testing.F) {
	strict, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		f.Fatal(err)
	}
	lenient, err := NewFrameDecoder()
	if err != nil {
		f.Fatal(err)
	}
	for _, n := range []int{1, zstdBlock - 1, zstdBlock, zstdBlock + 1, 3 * zstdBlock} {
		f.Add(byte(n), uint32(n))
	}
	f.Fuzz(func(t *testing.T, seed byte, size uint32) {
		content := randomBytes(seed, int(size%(1<<20))+1)
		stored := appendUncompressed(nil, content)
		again, err := strict.DecodeAll(stored, nil)
		if err != nil || !bytes.Equal(again, content) {
			t.Fatalf("%d bytes come back as %d, %v", len(content), len(again), err)
		}
		again, err = lenient.Decode(stored, len(content))
		if err != nil || !bytes.Equal(again, content) {
			t.Fatalf("FrameDecoder: %d bytes come back as %d, %v", len(content), len(again), err)
		}
		stored[len(stored)-5] ^= 1
		if _, err := strict.DecodeAll(stored, nil); err == nil {
			t.Error("a changed bit passes the checksum")
		}
	})
}

func BenchmarkEncodeRandom(b *testing.B) {
	e, err := newFrameEncoder(usual)
	if err != nil {
		b.Fatal(err)
	}
	content := randomBytes(1, 4<<20)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		if _, err := e.encode(content); err != nil {
			b.Fatal(err)
		}
	}
}
