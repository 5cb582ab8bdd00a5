package chunk

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The key and the IDs below come from the published BLAKE3 test vectors
// (keyed_hash, whose input is 0, 1, … 250, 0, 1, …).
var vectorKey = Key([]byte("whats the Elvish word for friend"))

func TestSumIsKeyedBLAKE3(t *testing.T) {
	for _, test := range []struct {
		length int
		id     string
	}{
		{0, "92b2b75604ed3c761f9d6f62392c8a9227ad0ea3f09573e783f1498a4ed60d26"},
		{1, "6d7878dfff2f485635d39013278ae14f1454b8c0a3a2d34bc1ab38228a80c95b"},
		{1024, "75c46f6f3d9eb4f55ecaaee480db732e6c2105546f1e675003687c31719c7ba4"},
	} {
		data := make([]byte, test.length)
		for i := range data {
			data[i] = byte(i % 251)
		}
		if got := vectorKey.Sum(data).String(); got != test.id {
			t.Errorf("Sum of %d bytes = %s, want %s", test.length, got, test.id)
		}
	}
}

func TestHasherEqualsSumHoweverWritten(t *testing.T) {
	data := noise(100_000)
	want := vectorKey.Sum(data)
	h := vectorKey.New()
	for _, step := range []int{1, 63, 1024, 8192, 70_000, len(data)} {
		h.Reset()
		for piece := range slices.Chunk(data, step) {
			h.Write(piece)
		}
		if h.Sum() != want {
			t.Errorf("written by %d bytes: %v, want %v", step, h.Sum(), want)
		}
	}
	for range 2 { // an ID leaves nothing behind
		if h.ID(data) != want {
			t.Error("ID differs from Sum")
		}
	}
}

func TestKeysSeparate(t *testing.T) {
	if (Key{1}).Sum(nil) == (Key{2}).Sum(nil) {
		t.Error("two keys give one ID")
	}
}

func TestKeyIsNeverPrinted(t *testing.T) {
	for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%X", "%s", "%q", "%d"} {
		out := fmt.Sprintf(verb, struct{ K Key }{vectorKey})
		if strings.Contains(out, "116") || strings.Contains(strings.ToLower(out), "74") || strings.Contains(out, "Elvish") {
			t.Errorf("%s shows the key: %s", verb, out)
		}
	}
}

// An ID is the same after text and JSON, and what is not 64 lower hexadecimal digits is not an ID.
func TestIDText(t *testing.T) {
	id := vectorKey.Sum([]byte("a"))
	back, err := ParseID(id.String())
	if err != nil || back != id {
		t.Fatalf("ParseID(String()) = %v, %v", back, err)
	}
	if !strings.HasPrefix(id.String(), id.Prefix().String()) {
		t.Error("the prefix is not the first half")
	}
	text, err := json.Marshal(map[string]ID{"id": id})
	if err != nil || string(text) != `{"id":"`+id.String()+`"}` {
		t.Errorf("as JSON: %s, %v", text, err)
	}
	var decoded map[string]ID
	if err := json.Unmarshal(text, &decoded); err != nil || decoded["id"] != id {
		t.Errorf("from JSON: %v, %v", decoded, err)
	}
	for _, bad := range []string{"", "ab", strings.ToUpper(id.String()), id.String() + "00", strings.Repeat("g", 64)} {
		if _, err := ParseID(bad); !errors.Is(err, ErrNotID) {
			t.Errorf("ParseID(%q) = %v, want ErrNotID", bad, err)
		}
	}
}

func TestCompareOrdersAsText(t *testing.T) {
	ids := make([]ID, 100)
	for i := range ids {
		ids[i] = vectorKey.Sum([]byte{byte(i)})
	}
	slices.SortFunc(ids, ID.Compare)
	if !slices.IsSortedFunc(ids, func(a, b ID) int { return strings.Compare(a.String(), b.String()) }) {
		t.Error("IDs are not ordered as their text")
	}
	if !slices.IsSortedFunc(ids, func(a, b ID) int { return a.Prefix().Compare(b.Prefix()) }) {
		t.Error("prefixes are not ordered as their IDs")
	}
}

func BenchmarkSum(b *testing.B) {
	for _, size := range []int{3 << 10, 64 << 10, 256 << 10} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			data := noise(size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				vectorKey.Sum(data)
			}
		})
	}
}

func BenchmarkHasherID(b *testing.B) {
	data := noise(3 << 10)
	h := vectorKey.New()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		h.ID(data)
	}
}
