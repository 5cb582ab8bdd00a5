package index

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/zeebo/blake3"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
)

func writeFile(
	t testing.TB, dir, name string, packs []format.PackRow, entries []format.Entry, segments ...[32]byte,
) *File {
	t.Helper()
	w, err := NewFileWriter(dir, new(format.Codec))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := w.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	f, err := w.Finish(filepath.Join(dir, name), packs, segments, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.close)
	return f
}

func lookUp(t testing.TB, f *File, p chunk.Prefix) (found []format.Entry) {
	t.Helper()
	buf := make([]byte, BlockSize)
	if err := f.findAll([]chunk.Prefix{p}, f.reader(buf), func(e format.Entry) bool { found = append(found, e); return true }); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestFileLookup(t *testing.T) {
	for _, n := range []int{0, 1, 255, 256, 257, 5000} {
		packs, entries := segmentWith(2, n)
		f := writeFile(t, t.TempDir(), "a.flat", packs, entries, [32]byte{1})
		for _, e := range entries {
			if got := lookUp(t, f, e.Prefix); len(got) != 1 || got[0] != e {
				t.Fatalf("of %d entries, %v is found as %v", n, e, got)
			}
			e.Prefix[15]++
			if got := lookUp(t, f, e.Prefix); len(got) != 0 {
				t.Fatalf("%v is found", got)
			}
		}
		for _, p := range []chunk.Prefix{{}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}} {
			if got := lookUp(t, f, p); len(got) != 0 {
				t.Errorf("%v is found", got)
			}
		}
	}
}

// Ascending prefixes are found together as each is alone, and their blocks are not read for each of
// them.
func TestFileLooksUpTogether(t *testing.T) {
	packs, entries := segmentWith(2, 5000)
	f := writeFile(t, t.TempDir(), "a.flat", packs, entries)
	var prefixes []chunk.Prefix
	var want []format.Entry
	for i, e := range entries {
		if prefixes = append(prefixes, e.Prefix); i%2 == 0 {
			prefixes[i][15]++ // it is not there
		} else {
			want = append(want, e)
		}
	}
	reads := 0
	read := remembering(func(i int) ([]byte, error) {
		reads++
		return f.block(i, make([]byte, BlockSize))
	})
	var found []format.Entry
	if err := f.findAll(prefixes, read, func(e format.Entry) bool { found = append(found, e); return true }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(found, want) {
		t.Errorf("%d entries are found, want %d", len(found), len(want))
	}
	if reads > 2*len(f.blocks) {
		t.Errorf("%d reads of %d blocks", reads, len(f.blocks))
	}
	stopped := 0
	if err := f.findAll(prefixes, read, func(format.Entry) bool { stopped++; return stopped < 3 }); err != nil || stopped != 3 {
		t.Errorf("%d entries until the third: %v", stopped, err)
	}
}

// Prefixes share their first half, and one prefix has more entries than a block holds.
func TestFileWithCrowdedPrefixes(t *testing.T) {
	packs, _ := segmentWith(100, 0)
	var entries []format.Entry
	for i := range 1000 {
		entries = append(entries, format.Entry{Prefix: chunk.Prefix{1, 8: byte(i >> 8), 9: byte(i)}, Length: 1})
	}
	for i := range 600 {
		entries = append(entries, format.Entry{Prefix: chunk.Prefix{2}, Frame: uint32(i), Length: 1})
	}
	f := writeFile(t, t.TempDir(), "a.flat", packs, entries)
	for i := range 1000 {
		if got := lookUp(t, f, entries[i].Prefix); len(got) != 1 || got[0] != entries[i] {
			t.Fatalf("entry %d is found as %v", i, got)
		}
	}
	if got := lookUp(t, f, chunk.Prefix{2}); len(got) != 600 {
		t.Errorf("%d of 600 places are found", len(got))
	}
}

func TestMergedFileHasEntriesOfInputs(t *testing.T) {
	dir := t.TempDir()
	packs, entries := segmentWith(4, 3000)
	var left, right []format.Entry
	for i, e := range entries {
		if i%3 != 0 {
			left = append(left, e)
		}
		if i%3 != 1 { // every third entry is in both
			e.Frame = (e.Frame + 20) % 40 // the packs come in another order there
			right = append(right, e)
		}
	}
	slices.SortFunc(right, format.Entry.Compare)
	reordered := append(slices.Clone(packs[2:]), packs[:2]...)
	files := []*File{
		writeFile(t, dir, "a.flat", packs, left, [32]byte{1}),
		writeFile(t, dir, "b.flat", reordered, right, [32]byte{2}),
	}
	merged, err := mergeFiles(dir, filepath.Join(dir, "c.flat"), new(format.Codec), files)
	if err != nil {
		t.Fatal(err)
	}
	defer merged.close()
	if merged.Count != int64(len(entries)) || len(merged.Packs) != len(packs) || len(merged.segments) != 2 {
		t.Errorf("%d entries, %d packs", merged.Count, len(merged.Packs))
	}
	for _, e := range entries {
		got := lookUp(t, merged, e.Prefix)
		if len(got) != 1 || got[0].Length != e.Length || merged.Packs[merged.places[got[0].Frame].pack].Hash != packs[e.Frame/10].Hash {
			t.Fatalf("%v is found as %v", e, got)
		}
	}
}

// A damaged file is refused, or the lookup in it returns an error, wherever the damage is.
func TestDamagedFileIsNoticed(t *testing.T) {
	dir := t.TempDir()
	packs, entries := segmentWith(2, 600)
	f := writeFile(t, dir, "a.flat", packs, entries, [32]byte{1})
	whole, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "b.flat")
	for i := 0; i < len(whole); i += 13 {
		b := slices.Clone(whole)
		b[i] ^= 0x10
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if noticed := fileError(path); noticed == nil {
			t.Fatalf("a flipped bit in byte %d of %d is not noticed", i, len(whole))
		}
		if err := os.WriteFile(path, whole[:i], 0o600); err != nil {
			t.Fatal(err)
		}
		if noticed := fileError(path); noticed == nil {
			t.Fatalf("an end after byte %d of %d is not noticed", i, len(whole))
		}
	}
	if _, err := openFile(f.path, &format.Codec{Repository: [16]byte{1}}); err == nil {
		t.Error("a file of another repository is accepted")
	}
}

func fileError(path string) error {
	f, err := openFile(path, new(format.Codec))
	if err != nil {
		return err
	}
	defer f.close()
	for _, err := range f.All() {
		if err != nil {
			return err
		}
	}
	return nil
}

func FuzzFileTail(f *testing.F) {
	packs, entries := segmentWith(2, 300)
	w := FileWriter{blocks: make([]fileBlockRow, 2)}
	f.Add(uint64(len(entries)), uint64(2), uint64(1), uint64(0), w.tail(packs, [][32]byte{{1}}, nil))
	f.Fuzz(func(t *testing.T, count, packs, segments, inputs uint64, tail []byte) {
		x := &File{Count: int64(count % (1 << 40))}
		if x.loadTail(tail, packs, segments, inputs) == nil &&
			(len(x.Packs) != int(packs) || len(x.segments) != int(segments) || len(x.inputs) != int(inputs)) {
			t.Error("it took another number of rows than was said")
		}
	})
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			packs, entries := segmentWith(1000, n)
			f := writeFile(b, b.TempDir(), "a.flat", packs, entries)
			buf := make([]byte, BlockSize)
			i := 0
			for b.Loop() {
				i = (i + 7919) % n
				_ = f.findAll([]chunk.Prefix{entries[i].Prefix}, f.reader(buf), func(format.Entry) bool { return true })
			}
		})
	}
}

// segmentWith returns rows of packs of 10 frames each, and n ascending entries.
func segmentWith(packs, n int) (rows []format.PackRow, entries []format.Entry) {
	for i := range packs {
		row := format.PackRow{Kind: uint8(i % 2), Hash: blake3.Sum256([]byte{byte(i), byte(i >> 8)}), Size: 1 << 20, Head: 64}
		for range 10 {
			row.Stored, row.Lengths = append(row.Stored, 1000), append(row.Lengths, 1<<20)
		}
		rows = append(rows, row)
	}
	for i := range n {
		id := chunk.Key{9}.Sum(binary.LittleEndian.AppendUint32(nil, uint32(i)))
		entries = append(entries, format.Entry{
			Prefix: id.Prefix(), Frame: uint32(i % (packs * 10)), Offset: uint32(i % 1000), Length: 1 + uint32(i%5000),
		})
	}
	slices.SortFunc(entries, format.Entry.Compare)
	return rows, entries
}
