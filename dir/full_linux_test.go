package dir_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mailstrata/mailstrata/dir"
)

// The error says that the disk is full, and the disk keeps nothing of the object that did not fit.
func TestFullDisk(t *testing.T) {
	small := t.TempDir()
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=1m,mode=0700"); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(small, 0) })
	d, err := dir.Create(filepath.Join(small, "r"))
	if err != nil {
		t.Fatal(err)
	}
	err = d.Put(t.Context(), "packs/big", bytes.NewReader(make([]byte, 4<<20)), 4<<20)
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "full") {
		t.Errorf("Put on a full disk: %v", err)
	}
	for o := range d.List(t.Context(), "") {
		t.Errorf("listed: %v", o)
	}
	onlyOurs(t, filepath.Join(small, "r"))
	if err := d.Put(t.Context(), "packs/small", bytes.NewReader(make([]byte, 1<<19)), 1<<19); err != nil {
		t.Errorf("what fits is refused afterwards: %v", err)
	}
}
