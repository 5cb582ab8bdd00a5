package filetree_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/filetree"
)

// A file is the body if it has the same bytes, of blocks too that are not the first.
func TestCompare(t *testing.T) {
	long := strings.Repeat("x", 3<<20) + "end"
	for _, test := range []struct {
		file, body string
		want       error
	}{
		{"", "", nil}, {"content", "content", nil}, {long, long, nil},
		{"content", "contents", store.ErrExist}, {"content", "cOntent", store.ErrExist},
		{long, long[:len(long)-1] + "D", store.ErrExist},
	} {
		err := filetree.Compare(t.Context(), "data/x", strings.NewReader(test.file), int64(len(test.file)),
			strings.NewReader(test.body), int64(len(test.body)))
		if !errors.Is(err, test.want) {
			t.Errorf("%.10q and %.10q: %v, want %v", test.file, test.body, err, test.want)
		}
	}
	if err := filetree.Compare(t.Context(), "data/x", strings.NewReader("cut"), 4, strings.NewReader("cuts"), 4); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a file that became shorter: %v", err)
	}
}

// A body is written whole, or its early end or the end of the context is the error.
func TestWrite(t *testing.T) {
	var file bytes.Buffer
	if err := filetree.Write(t.Context(), &file, strings.NewReader("content"), 7); err != nil || file.String() != "content" {
		t.Errorf("%q, %v", file.String(), err)
	}
	if err := filetree.Write(t.Context(), io.Discard, strings.NewReader("short"), 7); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a body that ends early: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := filetree.Write(ctx, io.Discard, strings.NewReader("content"), 7); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
