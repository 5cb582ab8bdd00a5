package optimal_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/mailstrata/mailstrata/internal/testbed/need"
	"github.com/mailstrata/mailstrata/repo/format/optimal"
)

func newDecoder(t testing.TB) *zstd.Decoder {
	t.Helper()
	d, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(16<<20), zstd.WithDecoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// encode returns the frame of content, after it has decoded it again.
func encode(t testing.TB, e *optimal.Encoder, content []byte) []byte {
	t.Helper()
	return encodeWith(t, e, newDecoder(t), content)
}

func encodeWith(t testing.TB, e *optimal.Encoder, d *zstd.Decoder, content []byte) []byte {
	t.Helper()
	frame := e.EncodeAll(content, nil)
	if most := e.MaxEncodedSize(len(content)); len(frame) > most {
		t.Fatalf("%d bytes take %d, at most %d are allowed", len(content), len(frame), most)
	}
	again, err := d.DecodeAll(frame, nil)
	if err != nil {
		t.Fatalf("%d bytes: %v", len(content), err)
	}
	if !bytes.Equal(again, content) {
		t.Fatalf("%d bytes decode to something else", len(content))
	}
	return frame
}

// repetitive returns n bytes of a small alphabet, in which ranges come again.
func repetitive(rnd *rand.Rand, n int) []byte {
	content := make([]byte, 0, n)
	alphabet := 1 + rnd.IntN(256)
	for len(content) < n {
		if len(content) > 0 && rnd.IntN(3) == 0 {
			at := rnd.IntN(len(content))
			length := min(1+rnd.IntN(1<<rnd.IntN(14)), len(content)-at, n-len(content))
			content = append(content, content[at:at+length]...)
			continue
		}
		content = append(content, byte(rnd.IntN(alphabet)))
	}
	return content
}

// Each content decodes to itself, and its frame does not depend on those before.
func TestLossless(t *testing.T) {
	used := new(optimal.Encoder)
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 60 {
		content := repetitive(rnd, rnd.IntN(1<<rnd.IntN(17)))
		frame := encode(t, used, content)
		if i%10 == 0 && !bytes.Equal(frame, encode(t, new(optimal.Encoder), content)) {
			t.Errorf("%d bytes: another frame after other frames", len(content))
		}
	}
	for n := range 40 {
		encode(t, used, bytes.Repeat([]byte{'a'}, n))
		encode(t, used, repetitive(rnd, n))
	}
}

// Blocks that do not get smaller are between blocks that do: what a decoder knows of tables and
// offsets skips them.
func TestMixedBlocks(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	var content []byte
	for i := range 3 {
		if i%2 == 0 {
			content = append(content, repetitive(rnd, 150<<10)...)
			continue
		}
		for range 300 << 10 / 8 {
			content = append(content, byte(rnd.Uint32()), byte(rnd.Uint32()), byte(rnd.Uint32()), byte(rnd.Uint32()),
				byte(rnd.Uint32()), byte(rnd.Uint32()), byte(rnd.Uint32()), byte(rnd.Uint32()))
		}
	}
	encode(t, new(optimal.Encoder), content)
}

// Text takes less than with the best level of package zstd.
func TestSmaller(t *testing.T) {
	names, err := filepath.Glob("../*.go")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	var content []byte
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		content = append(content, text...)
	}
	best, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithSingleSegment(true))
	if err != nil {
		t.Fatal(err)
	}
	frame, theirs := encode(t, new(optimal.Encoder), content), best.EncodeAll(content, nil)
	t.Logf("%d bytes: %d, package zstd %d", len(content), len(frame), len(theirs))
	if len(frame) > len(theirs)*97/100 {
		t.Errorf("%d bytes take %d, and %d with package zstd", len(content), len(frame), len(theirs))
	}
}

// The memory does not depend on how often a content repeats.
func TestMemory(t *testing.T) {
	const size = 256 << 10
	rnd := rand.New(rand.NewPCG(5, 6))
	words := make([]byte, 0, size)
	for len(words) < size {
		words = append(words, "abcdefgh"[rnd.IntN(2):][:1+rnd.IntN(6)]...)
	}
	for name, content := range map[string][]byte{"zeros": make([]byte, size), "words": words[:size]} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		new(optimal.Encoder).EncodeAll(content, nil)
		runtime.ReadMemStats(&after)
		if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 60 {
			t.Errorf("%s: %d MiB for %d bytes of content", name, took, size)
		}
	}
}

// Each content is decoded to the same bytes, also by an encoder that was used before.
func FuzzEncode(f *testing.F) {
	rnd := rand.New(rand.NewPCG(7, 8))
	for range 8 {
		f.Add(repetitive(rnd, rnd.IntN(4<<10)), uint16(rnd.IntN(200)))
	}
	used := new(optimal.Encoder)
	d := newDecoder(f)
	f.Fuzz(func(t *testing.T, content []byte, times uint16) {
		if len(content) > 8<<10 {
			return
		}
		// A long content from a short one: its repetitions differ by a byte each. Few are longer
		// than a block.
		longest := 8 << 10
		if times%64 == 63 {
			longest = 200 << 10
		}
		var long []byte
		for i := 0; i < int(times) && len(long) < longest; i++ {
			long = append(append(long, content...), byte(i))
		}
		encodeWith(t, used, d, content)
		encodeWith(t, used, d, long)
	})
}

// The program zstd reads the frames too.
func TestOtherDecoder(t *testing.T) {
	need.Program(t, "zstd", "apt-get install zstd")
	rnd := rand.New(rand.NewPCG(9, 10))
	e := new(optimal.Encoder)
	var content, frames []byte
	for range 30 {
		next := repetitive(rnd, 1+rnd.IntN(1<<rnd.IntN(18)))
		content, frames = append(content, next...), e.EncodeAll(next, frames)
	}
	program := exec.Command("zstd", "-dc")
	program.Stdin = bytes.NewReader(frames)
	program.Stderr = os.Stderr
	again, err := program.Output()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again, content) {
		t.Error("it decodes to something else")
	}
}
