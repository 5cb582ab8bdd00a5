package format

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/zeebo/blake3"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/local"
)

func TestSegmentRoundTrip(t *testing.T) {
	r := fixed(t)
	packs, entries := segmentOf(3, 10_000)
	proofs := make([]PackDigest, len(packs))
	for _, e := range entries {
		proofs[e.Frame/10].Add(e.Prefix, e.Frame%10, e.Offset, e.Length)
	}
	s := spoolFor(t)
	if _, err := r.WriteSegment(s, packs, slices.Values(entries), Table{Inputs: [][32]byte{{1}}, Proofs: proofs}); err != nil {
		t.Fatal(err)
	}
	seg, err := r.OpenSegment(s.File, s.Size)
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for e, err := range seg.Entries() {
		if err != nil || e != entries[i] {
			t.Fatalf("entry %d: %v, %v", i, e, err)
		}
		i++
	}
	if i != len(entries) || len(seg.c.Table.Inputs) != 1 || len(seg.Packs) != len(packs) {
		t.Errorf("%d entries, %d inputs", i, len(seg.c.Table.Inputs))
	}
}

// spoolFor returns an empty spool that does not seal.
func spoolFor(t testing.TB) *Spool {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "spool-*")
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSpool(local.File{File: file}, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// segmentOf returns rows of packs of 10 frames each, and n ascending entries.
func segmentOf(packs, n int) (rows []PackRow, entries []Entry) {
	for i := range packs {
		row := PackRow{Kind: uint8(i % 2), Hash: blake3.Sum256([]byte{byte(i), byte(i >> 8)}), Size: 1 << 20, Head: 64}
		for range 10 {
			row.Stored, row.Lengths = append(row.Stored, 1000), append(row.Lengths, 1<<20)
		}
		rows = append(rows, row)
	}
	for i := range n {
		id := chunk.Key{9}.Sum(binary.LittleEndian.AppendUint32(nil, uint32(i)))
		entries = append(entries, Entry{id.Prefix(), uint32(i % (packs * 10)), uint32(i % 1000), 1 + uint32(i%5000)})
	}
	slices.SortFunc(entries, Entry.Compare)
	return rows, entries
}

// A merged segment that lacks an entry, or has other proofs, is not made.
func TestIncompleteMergeIsRefused(t *testing.T) {
	r := fixed(t)
	packs, entries := segmentOf(3, 500)
	proofs := make([]PackDigest, len(packs))
	for _, e := range entries {
		proofs[e.Frame/10].Add(e.Prefix, e.Frame%10, e.Offset, e.Length)
	}
	for i := range entries {
		less := slices.Delete(slices.Clone(entries), i, i+1)
		_, err := r.WriteSegment(spoolFor(t), packs, slices.Values(less), Table{Inputs: [][32]byte{{1}}, Proofs: proofs})
		if !errors.Is(err, ErrDamaged) {
			t.Fatalf("without entry %d: %v", i, err)
		}
		if i > 20 {
			break
		}
	}
}

// The example of docs/format.md, "Index segments".
func TestPackDigestVector(t *testing.T) {
	var sum PackDigest
	sum.Add(chunk.Prefix{1, 2, 3}, 0, 0, 7)
	one := sum
	sum.Add(chunk.Prefix{4, 5, 6}, 1, 7, 8)
	if sum.Entries != 2 || hex.EncodeToString(sum.Digest[:]) != packDigestVector {
		t.Errorf("%d entries, %x", sum.Entries, sum.Digest)
	}
	var other PackDigest
	other.Add(chunk.Prefix{4, 5, 6}, 1, 7, 8)
	other.Add(chunk.Prefix{1, 2, 3}, 0, 0, 7)
	if other != sum || one == sum {
		t.Error("the order of entries matters")
	}
}

const packDigestVector = "0cc1b93feef829cf1f71840a90f0740909853a15beb38a55bf2a8d0b49a3e65d"
