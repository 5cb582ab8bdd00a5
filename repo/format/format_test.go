package format

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/local"
	"github.com/zeebo/blake3"
)

// fixed is the codec of a repository whose secrets are known: 0, 1, 2, … and so on.
func fixed(t testing.TB) *Codec {
	t.Helper()
	decoder, err := NewFrameDecoder()
	if err != nil {
		t.Fatal(err)
	}
	var own Secret
	for i := range own {
		own[i] = byte(i)
	}
	c := NewCodec([16]byte{}, own.Keys(), decoder)
	for i := range c.Repository {
		c.Repository[i] = byte(0xa0 + i)
	}
	return c
}

// rawBlock is a zstd frame of one uncompressed block: the same bytes for ever, whatever the compressor. Programs before
// 2026-12 wrote frames without a checksum.
func rawBlock(content, checksum []byte) []byte {
	b := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x20, byte(len(content))} // single segment, content size in one byte
	if len(checksum) > 0 {
		b[4] |= 4
	}
	header := uint32(len(content))<<3 | 1 // last block, raw
	b = append(b, byte(header), byte(header>>8), byte(header>>16))
	return append(append(b, content...), checksum...)
}

// vector is a pack of two chunks.
func vector(t testing.TB, r *Codec) []byte {
	t.Helper()
	return vectorOf(t, r, []byte{0x52, 0x74, 0xbd, 0x45}) // the low half of XXH64 of the content
}

func vectorOf(t testing.TB, r *Codec, checksum []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := newContainerWriter(&out, newHead(KindData, r.Repository, &r.Keys), &r.Keys)
	if err != nil {
		t.Fatal(err)
	}
	f := new(RawFrame)
	f.Reset(LaneText)
	for _, text := range []string{"Hello, ", "strata\r\n"} {
		f.Add(r.Keys.Chunk.Sum([]byte(text)).Prefix(), []byte(text))
	}
	if err := w.Frame(rawBlock(f.Content, checksum), len(f.Content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Finish(Table{Salt: []byte("0123456789abcdef"), Lanes: []LaneRow{f.Row()}}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// The bytes of the format. docs/format.md shows this pack.
const (
	vectorHex = `
		502a4d183e000000a6006a6d61696c737472617461016464
		61746102010350a0a1a2a3a4a5a6a7a8a9aaabacadaeaf04
		4862ff8299f71f5d67056b626c616b6533207a73746428b5
		2ffd240f79000048656c6c6f2c207374726174610d0a5274
		bd45512a4d18a6000000a3018183181c0f58202fa2cb7907
		e0b1424dda6cc1abb74b49a531839ce0576047158d6f1878
		983806025030313233343536373839616263646566038183
		015820a89522e9202e8ae7fb1ed5642a5870d32464320d9c
		47df974e8d6b4497067c0882070800000000000000000000
		6ec1f5529ecfe4096df74d2a59fa36e3dbe269765a335c47
		4668c7547b307b616a000000000000006400000000000000
		6d73747261746101
`

	vectorHash = "5a486e80298b4b520a94a0b0eafad113b18d5d5cf28d40417e7bffb7bbf347eb"
)

func TestFrozenPack(t *testing.T) {
	got := vector(t, fixed(t))
	if want := strings.Join(strings.Fields(vectorHex), ""); hex.EncodeToString(got) != want {
		t.Errorf("the format changed:\n%s", hex.Dump(got))
	}
	if hash := blake3.Sum256(got); hex.EncodeToString(hash[:]) != vectorHash {
		t.Errorf("its name is %x", hash)
	}
}

// A pack of before frames had checksums, as docs/format.md showed it then: it reads as ever.
func TestAPackWithoutChecksums(t *testing.T) {
	r := fixed(t)
	old := vectorOf(t, r, nil)
	if hash := blake3.Sum256(old); hex.EncodeToString(hash[:]) != "27f6adb7cd128a612bdbab96a8188347efe477b531b7fe69cd0737f0cdbcc2e7" {
		t.Errorf("its name is %x", hash)
	}
	c, err := parsePack(r, old)
	if err != nil {
		t.Fatal(err)
	}
	if content, err := c.Content(r.Decoder); err != nil || string(content) != "Hello, strata\r\n" {
		t.Errorf("%q, %v", content, err)
	}
}

// A writer's frames have a checksum, by which zstd alone finds a changed bit.
func TestFramesHaveChecksums(t *testing.T) {
	e, err := newFrameEncoder(frameLevel)
	if err != nil {
		t.Fatal(err)
	}
	content := bytes.Repeat([]byte("Received: from mail.example\r\n"), 100)
	stored, err := e.encode(content)
	if err != nil {
		t.Fatal(err)
	}
	var h zstd.Header
	if err := h.Decode(stored); err != nil || !h.HasCheckSum {
		t.Errorf("%+v, %v", h, err)
	}
}

// The example in docs/format.md is this one, byte for byte.
func TestTheDocumentShowsTheFrozenPack(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "format.md"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(strings.TrimSpace(vectorHex)) {
		if !bytes.Contains(doc, []byte(strings.TrimSpace(line))) {
			t.Errorf("docs/format.md does not show %q", strings.TrimSpace(line))
		}
	}
	if !bytes.Contains(doc, []byte(vectorHash)) {
		t.Error("docs/format.md does not show the hash of the example")
	}
}

func TestFrozenKeys(t *testing.T) {
	k := fixed(t).Keys
	for name, key := range map[string][]byte{
		"keyID":   k.ID[:],
		"chunk":   k.Chunk[:],
		"message": k.Message[:],
		"tag":     k.Tag[:],
		"account": k.Account[:],
	} {
		if got := hex.EncodeToString(key); got != frozenKeys[name] {
			t.Errorf("%s is %s", name, got)
		}
	}
}

var frozenKeys = map[string]string{
	"keyID":   "62ff8299f71f5d67",
	"chunk":   "e0ca31b8a61e62c26297795b95fa59fc8c8397f9ea13b0ba13a2b65a3e0cedf1",
	"message": "833434bafebd2661087b45d1c525de29179b429eda0e80c0b91aa066e067c736",
	"tag":     "07e05fcd07172ee9438441a5c737034fc0313b9a1bcbcbc8419c6bb52bd575ff",
	"account": "0ce2e8589c2226b5feffe35eb440816c4e82f76eaa53e2e8fad0be8e3cea1b84",
}

func parsePack(r *Codec, b []byte) (*Container, error) {
	c, err := ParseContainer(bytes.NewReader(b), int64(len(b)), &r.Keys)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(c.CheckKind(KindData, r.Repository), checkPack(c, KindData)); err != nil {
		return nil, err
	}
	_, err = c.Content(r.Decoder)
	return c, err
}

func TestContainerRoundTrip(t *testing.T) {
	r := fixed(t)
	c, err := parsePack(r, vector(t, r))
	if err != nil {
		t.Fatal(err)
	}
	content, err := c.Content(r.Decoder)
	if err != nil || string(content) != "Hello, strata\r\n" {
		t.Errorf("%q, %v", content, err)
	}
}

// Every object opens with public tools: the head and the table are frames that zstd skips.
func TestZstdAloneReadsAContainer(t *testing.T) {
	d, err := zstd.NewReader(bytes.NewReader(vector(t, fixed(t))))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := out.ReadFrom(d); err != nil || out.String() != "Hello, strata\r\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

func TestEveryTruncationIsAnError(t *testing.T) {
	r := fixed(t)
	whole := vector(t, r)
	for n := range len(whole) {
		if _, err := parsePack(r, whole[:n]); !errors.Is(err, ErrDamaged) {
			t.Fatalf("%d of %d bytes: %v", n, len(whole), err)
		}
	}
	if _, err := parsePack(r, append(whole, 0)); err == nil {
		t.Error("a byte more is accepted")
	}
}

func TestEveryFlippedBitIsAnError(t *testing.T) {
	r := fixed(t)
	whole := vector(t, r)
	for i := range whole {
		for bit := range 8 {
			b := bytes.Clone(whole)
			b[i] ^= 1 << bit
			_, err := parsePack(r, b)
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNotMine) && !errors.Is(err, ErrNewer) {
				t.Fatalf("bit %d of byte %d: %v", bit, i, err)
			}
		}
	}
}

func TestSealedTruncationIsAnError(t *testing.T) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	r := fixed(t)
	stored, _, err := r.Build(KindManifest, bytes.Repeat([]byte("manifest "), 20), []age.Recipient{id.Recipient()})
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(stored) {
		if _, err := r.Parse(stored[:n], KindManifest, id); err == nil {
			t.Fatalf("%d of %d bytes are accepted", n, len(stored))
		}
	}
}

func TestWhoseObjectItIs(t *testing.T) {
	r := fixed(t)
	b := vector(t, r)
	other := fixed(t)
	other.Keys = Secret{1}.Keys()
	if _, err := parsePack(other, b); !errors.Is(err, ErrNotMine) {
		t.Errorf("under another secret: %v", err)
	}
	other = fixed(t)
	other.Repository[0]++
	if _, err := parsePack(other, b); !errors.Is(err, ErrNotMine) {
		t.Errorf("of another repository: %v", err)
	}
	forged := r.Keys
	forged.Tag[0]++
	var out bytes.Buffer
	w, err := newContainerWriter(&out, newHead(KindManifest, r.Repository, &forged), &forged)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Frame(rawBlock([]byte("x"), nil), 1), w.Finish(Table{})); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Parse(out.Bytes(), KindManifest, nil); !errors.Is(err, ErrNotMine) {
		t.Errorf("a forged tag: %v", err)
	}
	if _, err := r.Parse(b, KindManifest, nil); !errors.Is(err, ErrNotMine) {
		t.Errorf("a pack as a manifest: %v", err)
	}
}

func TestNewerObjectsAreRefused(t *testing.T) {
	r := fixed(t)
	for name, change := range map[string]func(*head){
		"version":    func(h *head) { h.Version = 2 },
		"kind":       func(h *head) { h.Kind = "calendar" },
		"algorithms": func(h *head) { h.Algorithms = "blake3 lzma" },
	} {
		var out bytes.Buffer
		h := newHead(KindManifest, r.Repository, &r.Keys)
		change(&h)
		w, err := newContainerWriter(&out, h, &r.Keys)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.Frame(rawBlock([]byte("x"), nil), 1), w.Finish(Table{})); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Parse(out.Bytes(), KindManifest, nil); !errors.Is(err, ErrNewer) {
			t.Errorf("another %s: %v", name, err)
		}
	}
}

// Extensions that this version does not know do not trouble it, and come along.
func TestExtensionsAreCarried(t *testing.T) {
	r := fixed(t)
	var out bytes.Buffer
	h := newHead(KindManifest, r.Repository, &r.Keys)
	h.Ext = Extensions{7: {0x43, 'n', 'e', 'w'}}
	w, err := newContainerWriter(&out, h, &r.Keys)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Frame(rawBlock([]byte("x"), nil), 1), w.Finish(Table{Ext: Extensions{1: {0x01}}})); err != nil {
		t.Fatal(err)
	}
	c, err := ParseContainer(bytes.NewReader(out.Bytes()), int64(out.Len()), &r.Keys)
	if err != nil {
		t.Fatal(err)
	}
	if string(c.Head.Ext[7]) != "\x43new" || string(c.Table.Ext[1]) != "\x01" {
		t.Errorf("%v, %v", c.Head.Ext, c.Table.Ext)
	}
}

func TestPadme(t *testing.T) {
	for n, want := range map[int64]int64{
		0: 0, 1: 1, 2: 2, 8: 8, 9: 10, 100: 104, 1000: 1024, 1025: 1088, 65537: 67584, 32 << 20: 32 << 20,
		32<<20 + 1: 32<<20 + 1<<16, 3_000_000: 3_014_656, 4_194_305: 4_259_840, 1<<40 + 1: 1<<40 + 1<<16,
	} {
		if got := padme(n); got != want {
			t.Errorf("padme(%d) = %d, want %d", n, got, want)
		}
	}
	for n := int64(1); n < 1<<40; n = n*5/4 + 1 {
		p := padme(n)
		if p < n || padme(p) != p || n > 8 && p-n > n/8 || p-n >= maxPadding {
			t.Errorf("padme(%d) = %d", n, p)
		}
	}
}

// Whatever a frame or a table says of lengths, no more is allocated than the object can bear out, or a frame's limit.
func TestLyingLengthsCostNoMemory(t *testing.T) {
	r := fixed(t)
	d := r.Decoder
	giant := binary.LittleEndian.AppendUint64([]byte{0x28, 0xb5, 0x2f, 0xfd, 0xe0}, 1<<40)
	giant = append(giant, 1, 0, 0)
	before := allocated()
	for _, length := range []int{1, maxFrame, 1 << 40} {
		if _, err := d.Decode(giant, length); err == nil {
			t.Error("a frame of a TiB is accepted")
		}
	}
	b := vector(t, r)
	for _, field := range []int{len(b) - 24, len(b) - 16} { // offset and length of the table
		for _, lie := range []uint64{1 << 30, 1 << 62, 1<<64 - 1} {
			lying := bytes.Clone(b)
			binary.LittleEndian.PutUint64(lying[field:], lie)
			if _, err := parsePack(r, lying); !errors.Is(err, ErrDamaged) {
				t.Error(err)
			}
		}
	}
	if grown := allocated() - before; grown > maxFrame {
		t.Errorf("%d bytes were allocated", grown)
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

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

// spoolFor is an empty spool, which does not seal.
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

// segmentOf makes packs of 10 frames, and n ascending entries.
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

func FuzzContainer(f *testing.F) {
	r := fixed(f)
	b := vector(f, r)
	f.Add(b)
	f.Add(b[:len(b)-1])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseContainer(bytes.NewReader(b), int64(len(b)), nil)
		if err != nil {
			return
		}
		if c.Head.Kind == KindIndex {
			if s, err := parseSegment(c, r.Decoder); err == nil {
				for range s.Entries() {
				}
			}
		}
		if checkPack(c, c.Head.Kind) == nil {
			DescribePack(c, [32]byte{}, int64(len(b)))
		}
		_, _ = c.Content(r.Decoder)
	})
}

// FuzzTable changes the table under a right tag: what a writer with the secret could do.
func FuzzTable(f *testing.F) {
	r := fixed(f)
	add := func(kind string, tb Table) {
		encoded, err := Encode(tb)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(kind, encoded)
	}
	row := frameRow{Stored: 10, Length: 1, Hash: blake3.Sum256(rawBlock([]byte("x"), nil))}
	add("data", Table{Frames: []frameRow{row}, Salt: make([]byte, 16), Lanes: []LaneRow{{Lane: 1, Prefixes: make([]byte, 16), Lengths: []uint32{1}}}})
	packs, _ := segmentOf(1, 0)
	add("index", Table{Frames: []frameRow{row}, Packs: packs, Blocks: []blockRow{{Entries: 1}}})
	add("index", Table{Frames: []frameRow{row}, Packs: packs, Blocks: []blockRow{{Entries: 1}}, Inputs: [][32]byte{{1}}, Proofs: make([]PackDigest, len(packs))})
	f.Fuzz(func(t *testing.T, kind string, encoded []byte) {
		var tb Table
		if Decode(encoded, &tb) != nil {
			return
		}
		c := &Container{r: bytes.NewReader(rawBlock([]byte("x"), nil)), Table: tb, tableAt: 10, Head: head{Kind: Kind(kind)}}
		if c.locateFrames() != nil {
			return
		}
		_ = checkPack(c, Kind(kind))
		if s, err := parseSegment(c, r.Decoder); err == nil && c.Head.Kind == KindIndex {
			_, _ = s.Digests(nil)
		}
	})
}

// A merged segment that lost an entry, or whose proofs are others, is never made.
func TestAMergeThatLosesIsNotMade(t *testing.T) {
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
