package format

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"testing"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/blake3"
)

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

// Public tools open every object: the head and the table are frames that zstd skips.
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
		t.Error("one byte too many is accepted")
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

func TestObjectOfAnotherRepository(t *testing.T) {
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

// Extensions that this version does not know are kept.
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

// A padded length is at least the length, at most an eighth more, and one of few.
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

// A parser allocates no more than the size of the object, or the limit of a frame, whatever lengths
// a frame or table claims.
func TestFalseLengthsAllocateNoMemory(t *testing.T) {
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

// Whatever the bytes are, a container is refused or read, without a panic.
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

// FuzzTable changes the table under a valid tag, as a writer with the secret can.
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
