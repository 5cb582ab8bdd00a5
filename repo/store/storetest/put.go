package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/mailstrata/mailstrata/repo/store"
)

func roundTrip(t *testing.T, s store.Store) {
	for _, size := range []int64{0, 1, 100, 4095, 4096, 4097, 1 << 20} {
		name := fmt.Sprintf("size/%d", size)
		data := random(size, size)
		put(t, s, name, data)
		if got := get(t, s, name); !bytes.Equal(got, data) {
			t.Errorf("%d bytes were put, Get returns %d other ones", size, len(got))
		}
	}
}

// large puts an object that is larger than a pack and than any buffer. On S3 it is still one PUT.
func large(t *testing.T, s store.Store) {
	const size = 40 << 20
	body := &pattern{seed: 7}
	if err := s.Put(t.Context(), "large", body, size); err != nil {
		t.Fatal(err)
	}
	r, total, err := s.Get(t.Context(), "large", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if total != size {
		t.Errorf("Get says %d bytes, want %d", total, size)
	}
	if got, want := digest(t, r), digest(t, io.NewSectionReader(body, 0, size)); got != want {
		t.Error("Get returns other bytes")
	}
	if o := find(t, s, "large"); o.Size != size {
		t.Errorf("List says %d bytes, want %d", o.Size, size)
	}
}

func neverReplaces(t *testing.T, s store.Store) {
	put(t, s, "one", []byte("first"))
	for _, other := range []string{"other", "first and more", "fir", ""} {
		if err := putBytes(t.Context(), s, "one", []byte(other)); !errors.Is(err, store.ErrExist) {
			t.Errorf("putting %q over %q: %v, want ErrExist", other, "first", err)
		}
	}
	put(t, s, "one", []byte("first")) // the same bytes again
	if got := get(t, s, "one"); string(got) != "first" {
		t.Errorf("the object was replaced by %q", got)
	}
}

func oneWinner(t *testing.T, s store.Store) {
	const writers = 16
	errs := together(writers, func(i int) error {
		return putBytes(t.Context(), s, "contested", random(int64(i), 64<<10))
	})
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			t.Errorf("both %d and %d won", winner, i)
		case err == nil:
			winner = i
		case !errors.Is(err, store.ErrExist):
			t.Errorf("writer %d: %v, want ErrExist", i, err)
		}
	}
	if winner < 0 {
		t.Fatal("nobody won")
	}
	if !bytes.Equal(get(t, s, "contested"), random(int64(winner), 64<<10)) {
		t.Error("the object is not the winner's")
	}
}

func sameBytes(t *testing.T, s store.Store) {
	data := random(1, 64<<10)
	errs := together(16, func(int) error { return putBytes(t.Context(), s, "shared", data) })
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(get(t, s, "shared"), data) {
		t.Error("the object has other bytes")
	}
}

// atomic reads the store while Put reads the second half of the body.
func atomic(t *testing.T, s store.Store) {
	const size = 4 << 20
	reads := 0
	body := &pattern{seed: 3, past: size / 2, hook: func() error {
		if reads++; reads > 8 {
			return nil // enough
		}
		if _, _, err := s.Get(t.Context(), "a/b", 0, -1); !errors.Is(err, store.ErrNotExist) {
			t.Errorf("Get during Put: %v, want ErrNotExist", err)
		}
		if got := list(t, s, ""); len(got) > 0 {
			t.Errorf("List during Put shows %v", got)
		}
		return nil
	}}
	if err := s.Put(t.Context(), "a/b", body, size); err != nil {
		t.Fatal(err)
	}
	if reads == 0 {
		t.Fatal("the body was never read")
	}
	if got := list(t, s, ""); !slices.Equal(got, []string{"a/b"}) {
		t.Errorf("afterwards List shows %v", got)
	}
}

func failingBody(t *testing.T, s store.Store) {
	broken := errors.New("the disk of the body failed")
	body := &pattern{past: 1 << 20, hook: func() error { return broken }}
	if err := s.Put(t.Context(), "torn", body, 2<<20); !errors.Is(err, broken) {
		t.Errorf("Put: %v, want the body's own error", err)
	}
	if err := s.Put(t.Context(), "short", bytes.NewReader(make([]byte, 99)), 100); err == nil {
		t.Error("a body of 99 bytes was put as 100")
	}
	if got := list(t, s, ""); len(got) > 0 {
		t.Errorf("left behind: %v", got)
	}
}
