package chunk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/restic/chunker"
)

// frozenPolynomial is irreducible and of degree 53. Only tests use it.
const frozenPolynomial Polynomial = 0x2bba1850b3347d

// noise returns n bytes that look random and never change: hashes of a counter.
func noise(n int) []byte { return bytes.Clone(mostNoise()[:n]) }

// mostNoise returns the most noise that a test needs.
var mostNoise = sync.OnceValue(func() []byte {
	const n = 8 << 20
	out := make([]byte, 0, n)
	for i := uint64(0); len(out) < n; i++ {
		id := Key{}.Sum(binary.BigEndian.AppendUint64(nil, i))
		out = append(out, id[:]...)
	}
	return out
})

func newCutter(t testing.TB) *Cutter {
	c, err := NewCutter(frozenPolynomial)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sizes cuts r, checks that the chunks join to content, and returns their sizes.
func sizes(t testing.TB, c *Cutter, r io.Reader, content []byte) (sizes []int) {
	t.Helper()
	var joined []byte
	err := c.Cut(r, func(data []byte) error {
		joined = append(joined, data...)
		sizes = append(sizes, len(data))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(joined, content) {
		t.Fatalf("%d bytes come back as %d other bytes", len(content), len(joined))
	}
	return sizes
}

// These boundaries never change, so that later versions recognize the chunks of earlier ones.
func TestFrozenBoundaries(t *testing.T) {
	content := noise(1 << 20)
	got := sizes(t, newCutter(t), bytes.NewReader(content), content)
	want := []int{112024, 64615, 55897, 41996, 43456, 83301, 50822, 103319, 37788, 60880, 244756, 100622, 49100}
	if !slices.Equal(got, want) {
		t.Errorf("the boundaries moved: sizes are %v, want %v", got, want)
	}
}

// resticSizes cuts content with restic/chunker and returns the sizes of its chunks.
func resticSizes(t testing.TB, p Polynomial, content []byte) (sizes []int) {
	t.Helper()
	theirs := chunker.New(bytes.NewReader(content), chunker.Pol(p),
		chunker.WithBoundaries(Min, Max), chunker.WithAverageBits(AverageBits))
	for {
		chunk, err := theirs.Next(nil)
		if err == io.EOF {
			return sizes
		}
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, int(chunk.Length))
	}
}

// A Cutter computes fingerprints by itself, several at a time, and finds the boundaries of
// restic/chunker. The chunks begin at all kinds of offsets, so boundaries lie in each lane of
// findInLanes and in what is left over.
func TestBoundariesAreThoseOfResticChunker(t *testing.T) {
	for range 4 {
		p, err := RandomPolynomial()
		if err != nil {
			t.Fatal(err)
		}
		c, err := NewCutter(p)
		if err != nil {
			t.Fatal(err)
		}
		content := noise(8 << 20)
		if got, want := sizes(t, c, bytes.NewReader(content), content), resticSizes(t, p, content); !slices.Equal(got, want) {
			t.Errorf("polynomial %x: sizes are %v, want %v", uint64(p), got, want)
		}
	}
}

// find returns the first offset, whatever else is found in the same lane or in others.
func TestFindReturnsTheFirst(t *testing.T) {
	f := newFingerprinter(frozenPolynomial)
	content := noise(1 << 20)
	var all []int
	at := f.of(content[:windowSize])
	for n := windowSize; n < len(content); n++ {
		if at&cutMask == 0 {
			all = append(all, n)
		}
		at = f.next(at, content[n-windowSize], content[n])
	}
	if len(all) < 8 {
		t.Fatalf("only %d offsets", len(all))
	}
	for _, want := range all {
		for back := 1; back < 5*laneSize; back += 97 {
			from := max(windowSize, want-back)
			first := all[slices.IndexFunc(all, func(n int) bool { return n >= from })]
			if got := f.find(content, from, len(content)); got != first {
				t.Fatalf("from %d: %d, want %d", from, got, first)
			}
			if got := f.find(content, from, first); got != first {
				t.Fatalf("from %d to %d: %d", from, first, got)
			}
		}
	}
}

func TestContentWithoutBoundariesIsCutAtMax(t *testing.T) {
	content := bytes.Repeat([]byte{'x'}, 2*Max+5) // the fingerprint stays the same
	got := sizes(t, newCutter(t), bytes.NewReader(content), content)
	if want := []int{Max, Max, 5}; !slices.Equal(got, want) {
		t.Errorf("sizes are %v, want %v", got, want)
	}
}

func TestSizesAreInBounds(t *testing.T) {
	c := newCutter(t)
	lengths := []int{0, 1, Min - 1, Min, Min + 1, Max, Max + 1, 2*Max - 1, 2 * Max, 2*Max + 1, 5<<20 + 3}
	for _, n := range lengths {
		content := noise(n)
		chunks := sizes(t, c, bytes.NewReader(content), content)
		if n <= Min && len(chunks) != min(n, 1) {
			t.Errorf("%d bytes: %d chunks", n, len(chunks))
		}
		for i, size := range chunks {
			last := i == len(chunks)-1
			if size > Max || size == 0 || size < Min && !last {
				t.Errorf("%d bytes: chunk %d of %d has %d bytes", n, i, len(chunks), size)
			}
		}
	}
}

func TestHowTheReaderDeliversDoesNotMatter(t *testing.T) {
	content := noise(3 << 20)
	c := newCutter(t)
	want := sizes(t, c, bytes.NewReader(content), content)
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"one byte":      iotest.OneByteReader,
		"half":          iotest.HalfReader,
		"data with EOF": iotest.DataErrReader,
	} {
		if got := sizes(t, c, wrap(bytes.NewReader(content)), content); !slices.Equal(got, want) {
			t.Errorf("%s: sizes are %v, want %v", name, got, want)
		}
	}
}

func TestInsertionIsForgottenAfterAFewChunks(t *testing.T) {
	content := noise(4 << 20)
	c := newCutter(t)
	ids := func(content []byte) (ids []ID) {
		if err := c.Cut(bytes.NewReader(content), func(data []byte) error {
			ids = append(ids, vectorKey.Sum(data))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return ids
	}
	before := ids(content)
	after := ids(append([]byte("one line more at the front\n"), content...))
	shared := 0
	for _, id := range after {
		if slices.Contains(before, id) {
			shared++
		}
	}
	if shared < len(before)*3/4 {
		t.Errorf("%d of %d chunks are shared", shared, len(before))
	}
}

func TestManyGoroutinesShareACutter(t *testing.T) {
	content := noise(1 << 20)
	c := newCutter(t)
	want := sizes(t, c, bytes.NewReader(content), content)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			var got []int
			err := c.Cut(bytes.NewReader(content), func(data []byte) error {
				got = append(got, len(data))
				return nil
			})
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("sizes are %v (%v), want %v", got, err, want)
			}
		})
	}
	wg.Wait()
}

// A failed reader must not look like the end of the content, with any error.
func TestErrorsEndTheCut(t *testing.T) {
	c := newCutter(t)
	full := errors.New("disk full")
	for _, n := range []int{0, 10, Min, Max, 3 * Max} {
		for _, broken := range []error{errors.New("connection reset"), io.ErrUnexpectedEOF} {
			r := io.MultiReader(bytes.NewReader(noise(n)), iotest.ErrReader(broken))
			if err := c.Cut(r, func([]byte) error { return nil }); err != broken {
				t.Errorf("after %d bytes: %v, want %v", n, err, broken)
			}
		}
		if n == 0 {
			continue
		}
		if err := c.Cut(bytes.NewReader(noise(n)), func([]byte) error { return full }); err != full {
			t.Errorf("emit of %d bytes: %v, want %v", n, err, full)
		}
	}
	content := noise(Max)
	sizes(t, c, bytes.NewReader(content), content) // the pool holds no traces of the failures
}

// A random polynomial is irreducible, and one that is not is refused.
func TestPolynomials(t *testing.T) {
	for range 3 {
		p, err := RandomPolynomial()
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Check(); err != nil {
			t.Errorf("a random polynomial %x: %v", uint64(p), err)
		}
	}
	for _, bad := range []Polynomial{0, 1, frozenPolynomial ^ 1, frozenPolynomial << 1, 1 << 53, 1<<64 - 1} {
		if _, err := NewCutter(bad); !errors.Is(err, ErrPolynomial) {
			t.Errorf("NewCutter(%x) = %v, want ErrPolynomial", uint64(bad), err)
		}
	}
}

// Cuts depend on the content alone, not on how it is read, and are those of restic/chunker.
func FuzzCut(f *testing.F) {
	c := newCutter(f)
	f.Add("", uint16(0))
	f.Add("line\n", uint16(1))
	f.Add(string(noise(100)), uint16(9999))
	f.Fuzz(func(t *testing.T, seed string, times uint16) {
		content := []byte(strings.Repeat(seed, min(int(times), (1<<18)/max(1, len(seed)))))
		content = append(content, noise(int(times)*2)...)
		whole := sizes(t, c, bytes.NewReader(content), content)
		if halves := sizes(t, c, iotest.HalfReader(bytes.NewReader(content)), content); !slices.Equal(whole, halves) {
			t.Errorf("sizes are %v, and %v by halves", whole, halves)
		}
		if theirs := resticSizes(t, frozenPolynomial, content); !slices.Equal(whole, theirs) {
			t.Errorf("sizes are %v, and %v by restic/chunker", whole, theirs)
		}
	})
}

func BenchmarkCut(b *testing.B) {
	for _, size := range []int{3 << 10, 64 << 10, 4 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			content, c := noise(size), newCutter(b)
			r := bytes.NewReader(nil)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				r.Reset(content)
				if err := c.Cut(r, func([]byte) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// An implementation of docs/format.md, "The cut", finds the same chunks.
func TestTheDocumentedCut(t *testing.T) {
	content := noise(1 << 20)
	var want []int
	for rest := content; len(rest) > 0; {
		n := documentedChunk(rest)
		want, rest = append(want, n), rest[n:]
	}
	if got := sizes(t, newCutter(t), bytes.NewReader(content), content); !slices.Equal(got, want) {
		t.Errorf("sizes are %v, and the page gives %v", got, want)
	}
	page, err := os.ReadFile(filepath.Join("..", "docs", "format.md"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(string(page)), " ")
	listed := strings.ReplaceAll(strings.Trim(fmt.Sprint(want[:len(want)-1]), "[]"), " ", ", ")
	for _, vector := range []string{fmt.Sprintf("P = `%x`", uint64(frozenPolynomial)), fmt.Sprintf("%s and %d bytes", listed, want[len(want)-1])} {
		if !strings.Contains(text, vector) {
			t.Errorf("docs/format.md does not show %q", vector)
		}
	}
}

// documentedChunk returns the size of the next chunk of the rest of a part.
func documentedChunk(rest []byte) int {
	for n := 16384; n < min(len(rest), 262144); n++ {
		if remainder(rest[n-64:n])&0xffff == 0 {
			return n
		}
	}
	return min(len(rest), 262144)
}

// remainder returns the remainder of the bytes, as a polynomial over GF(2), modulo
// frozenPolynomial.
func remainder(b []byte) uint64 {
	f := uint64(0)
	for _, c := range b {
		for bit := 7; bit >= 0; bit-- {
			f = f<<1 | uint64(c)>>bit&1
			if f>>53 == 1 {
				f ^= uint64(frozenPolynomial)
			}
		}
	}
	return f
}
