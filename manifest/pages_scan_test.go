package manifest

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/mailstrata/mailstrata/chunk"
)

// scannedLists are page lists whose numbers take each length of a head.
func scannedLists(tb testing.TB) (lists [][]byte) {
	for _, n := range []int{1, 23, 24, maxListPages} {
		var pages []Page
		for i := range n {
			pages = append(pages, Page{
				Start: uint32(i) << 20, Bits: 16, Messages: uint32(1 + i*7%MaxPageRecords),
				Records: chunk.ID{1, byte(i)}, Flags: chunk.ID{2, byte(i)},
			})
		}
		for i := range min(n, 3) { // small numbers
			pages[i].Start, pages[i].Bits = uint32(i)<<minPageBits, minPageBits
		}
		b, err := EncodePageList(pages)
		if err != nil {
			tb.Fatal(err)
		}
		lists = append(lists, b)
	}
	return lists
}

// TestScanPageList: the fast parser takes what EncodePageList writes, and ParsePageList accepts and
// returns exactly what the general decoder does, for intact lists and for damaged ones.
func TestScanPageList(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, b := range scannedLists(t) {
		if _, ok := scanPageList(b); !ok {
			t.Fatalf("a list of %d bytes is not scanned", len(b))
		}
		equalParsed(t, b)
		for range 2000 {
			equalParsed(t, damaged(random, b))
		}
	}
}

// damaged returns bytes with one of them changed, taken out or put in.
func damaged(random *rand.Rand, b []byte) []byte {
	b = slices.Clone(b)
	switch at := random.IntN(min(len(b), 300)); random.IntN(4) {
	case 0:
		b[at] ^= 1 << random.IntN(8)
	case 1:
		b[at] = byte(random.Uint32())
	case 2:
		b = slices.Delete(b, at, at+1)
	default:
		b = slices.Insert(b, at, byte(random.Uint32()))
	}
	return b
}

// FuzzScanPageList states the same of any input.
func FuzzScanPageList(f *testing.F) {
	for _, b := range scannedLists(f) {
		f.Add(b)
	}
	f.Add([]byte{0x98, 1, 0x85}) // a head that is longer than needed
	f.Fuzz(func(t *testing.T, b []byte) { equalParsed(t, b) })
}

func equalParsed(t *testing.T, b []byte) {
	t.Helper()
	pages, err := ParsePageList(b)
	expected, refused := decodePageList(b)
	if (err == nil) != (refused == nil) || !slices.Equal(pages, expected) {
		t.Fatalf("%x: %d pages and %v; the general decoder returns %d and %v", b[:min(len(b), 100)], len(pages), err, len(expected), refused)
	}
}

func BenchmarkParsePageList(b *testing.B) {
	list := scannedLists(b)[3]
	for name, parse := range map[string]func([]byte) ([]Page, error){"scan": ParsePageList, "general": decodePageList} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(list)))
			for b.Loop() {
				if _, err := parse(list); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
