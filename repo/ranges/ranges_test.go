package ranges_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/ranges"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// A Reader returns the bytes of the object for every range, and asks the store once for bytes that
// lie together.
func TestReader(t *testing.T) {
	data := make([]byte, 10_000)
	for i := range data {
		data[i] = byte(i >> 4)
	}
	m := new(storetest.Memory)
	m.Replace("o", data)
	s := &storetest.Faulty{Store: m}
	for _, piece := range []int64{1, 1000, 0} {
		r := ranges.NewReader(t.Context(), s, store.Object{Name: "o", Size: int64(len(data))}, piece)
		for _, off := range []int{0, 1, 4096, 9000, 9999} {
			for _, n := range []int{1, 100, 1000} {
				got, want := make([]byte, n), data[off:min(off+n, len(data))]
				switch m, err := r.ReadAt(got, int64(off)); {
				case !bytes.Equal(got[:m], want):
					t.Errorf("piece %d: %d bytes at %d are wrong", piece, n, off)
				case m < n && err != io.EOF || m == n && err != nil:
					t.Errorf("piece %d: %d of %d bytes at %d: %v", piece, m, n, off, err)
				}
			}
		}
	}
	before := s.Ops()
	r := ranges.NewReader(t.Context(), s, store.Object{Name: "o", Size: int64(len(data))}, 0)
	for off := range int64(100) {
		if _, err := r.ReadAt(make([]byte, 50), off*100); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.Ops() - before; n != 1 {
		t.Errorf("%d requests for one small object", n)
	}
}

// An error of the store passes through as it is, and is not taken for damage.
func TestReaderStoreError(t *testing.T) {
	s := &storetest.Faulty{Store: new(storetest.Memory), Fail: storetest.CrashAt(1, storetest.Refuse)}
	r := ranges.NewReader(t.Context(), s, store.Object{Name: "o", Size: 10}, 0)
	_, err := r.ReadAt(make([]byte, 1), 0)
	if read := (*format.ReadError)(nil); !errors.As(err, &read) || !errors.Is(err, storetest.ErrFault) {
		t.Errorf("%v", err)
	}
	if format.ConcernsObject(err) {
		t.Error("an error of the store concerns one object only")
	}
	m := new(storetest.Memory)
	m.Replace("o", []byte("0123456789"))
	if _, err := ranges.Read(t.Context(), m, "o", 11, 0, 5); !errors.Is(err, format.ErrDamaged) || !format.ConcernsObject(err) {
		t.Errorf("an object of another size: %v", err)
	}
}
