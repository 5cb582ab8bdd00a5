package storetest

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/repo/store"
)

func ranges(t *testing.T, s store.Store) {
	put(t, s, "ten", []byte("0123456789"))
	put(t, s, "empty", nil)
	for _, c := range []struct {
		name           string
		offset, length int64
		want           string
		err            error
	}{
		{name: "ten", offset: 0, length: -1, want: "0123456789"},
		{name: "ten", offset: 0, length: 10, want: "0123456789"},
		{name: "ten", offset: 0, length: 1, want: "0"},
		{name: "ten", offset: 3, length: 4, want: "3456"},
		{name: "ten", offset: 9, length: 1, want: "9"},
		{name: "ten", offset: 7, length: -1, want: "789"},
		{name: "ten", offset: -3, length: -1, want: "789"},
		{name: "ten", offset: -3, length: 3, want: "789"},
		{name: "ten", offset: -3, length: 2, want: "78"},
		{name: "ten", offset: -10, length: 1, want: "0"},
		{name: "ten", offset: -10, length: -1, want: "0123456789"},
		{name: "ten", offset: 0, length: 0, want: ""},
		{name: "ten", offset: 5, length: 0, want: ""},
		{name: "ten", offset: 10, length: 0, want: ""},
		{name: "ten", offset: 10, length: -1, want: ""},
		{name: "empty", offset: 0, length: -1, want: ""},
		{name: "empty", offset: 0, length: 0, want: ""},

		{name: "ten", offset: 0, length: 11, err: store.ErrRange},
		{name: "ten", offset: 9, length: 2, err: store.ErrRange},
		{name: "ten", offset: 10, length: 1, err: store.ErrRange},
		{name: "ten", offset: 11, length: 0, err: store.ErrRange},
		{name: "ten", offset: 11, length: -1, err: store.ErrRange},
		{name: "ten", offset: 1 << 40, length: 1, err: store.ErrRange},
		{name: "ten", offset: 1, length: 1<<63 - 1, err: store.ErrRange},
		{name: "ten", offset: -11, length: -1, err: store.ErrRange},
		{name: "ten", offset: -11, length: 5, err: store.ErrRange},
		{name: "ten", offset: -3, length: 4, err: store.ErrRange},
		{name: "empty", offset: 0, length: 1, err: store.ErrRange},
		{name: "empty", offset: 1, length: -1, err: store.ErrRange},
		{name: "empty", offset: -1, length: -1, err: store.ErrRange},

		{name: "none", offset: 0, length: -1, err: store.ErrNotExist},
		{name: "none", offset: 0, length: 0, err: store.ErrNotExist},
		{name: "none", offset: -5, length: 2, err: store.ErrNotExist},
	} {
		body, size, err := s.Get(t.Context(), c.name, c.offset, c.length)
		if !errors.Is(err, c.err) {
			t.Errorf("Get(%s, %d, %d): %v, want %v", c.name, c.offset, c.length, err, c.err)
		}
		if err != nil {
			continue
		}
		got, err := io.ReadAll(body)
		if string(got) != c.want || err != nil {
			t.Errorf("Get(%s, %d, %d) = %q, %v, want %q", c.name, c.offset, c.length, got, err, c.want)
		}
		if want := int64(10); c.name == "ten" && size != want {
			t.Errorf("Get(%s, %d, %d) says the object has %d bytes, want %d", c.name, c.offset, c.length, size, want)
		}
		if err := body.Close(); err != nil {
			t.Error(err)
		}
	}
}

func names(t *testing.T, s store.Store) {
	good := []string{
		"a", "0", "-", "..x", "x..", "...", "a.b-c", "deep/1/2/3/4/5", "dots/.a/b.", strings.Repeat("n", 200),
		strings.Repeat("seg/", 20) + "end",
	}
	for _, name := range good {
		put(t, s, name, []byte(name))
	}
	for _, name := range good {
		if got := get(t, s, name); string(got) != name {
			t.Errorf("object %s holds %q", name, got)
		}
	}
	bad := []string{"", ".", "..", "/", "x/", "/x", "x//y", "x/../y", "./x", "../x", "X", "x_y", "x y", "x\x00", `x\y`, "ä"}
	for _, name := range bad {
		if err := putBytes(t.Context(), s, name, []byte("x")); err == nil {
			t.Errorf("Put accepts the name %q", name)
		}
		if _, _, err := s.Get(t.Context(), name, 0, -1); err == nil {
			t.Errorf("Get finds an object %q", name)
		}
	}
	slices.Sort(good)
	if got := list(t, s, ""); !slices.Equal(got, good) {
		t.Errorf("listed: %q\nwant:   %q", got, good)
	}
}
