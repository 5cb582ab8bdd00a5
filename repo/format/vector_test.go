package format

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zeebo/blake3"
)

// fixed returns the codec of a repository whose secrets are known: 0, 1, 2, … and so on.
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

// rawBlock returns a zstd frame of one uncompressed block, whose bytes do not depend on the
// compressor. Programs before 2026-12 wrote frames without a checksum.
func rawBlock(content, checksum []byte) []byte {
	b := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x20, byte(len(content))} // single segment, content size in one byte
	if len(checksum) > 0 {
		b[4] |= 4
	}
	header := uint32(len(content))<<3 | 1 // last block, raw
	b = append(b, byte(header), byte(header>>8), byte(header>>16))
	return append(append(b, content...), checksum...)
}

// vector returns a pack of two chunks.
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

// A pack from before frames had checksums, as docs/format.md showed it then, can still be read.
func TestPackWithoutChecksums(t *testing.T) {
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

// The example in docs/format.md is the frozen pack.
func TestDocumentShowsFrozenPack(t *testing.T) {
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
