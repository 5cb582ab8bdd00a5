package cache

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"
)

// What is added comes back from its place, and is not on the disk in plain.
func TestScratch(t *testing.T) {
	d, err := Open(t.TempDir(), [16]byte{1}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s, err := d.Scratch()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var all [][]byte
	var places []int64
	for n := range 40 {
		data := bytes.Repeat([]byte{byte(n), 'x'}, 7*n+1)
		at, err := s.Add(data)
		if err != nil {
			t.Fatal(err)
		}
		all, places = append(all, data), append(places, at)
	}
	for i := len(all) - 1; i >= 0; i-- {
		got := make([]byte, len(all[i]))
		if err := s.Read(places[i], got); err != nil || !bytes.Equal(got, all[i]) {
			t.Fatalf("chunk %d: %x, %v", i, got, err)
		}
	}
	disk := make([]byte, s.size)
	if _, err := s.file.ReadAt(disk, 0); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	for i, data := range all[1:] { // a single byte can be there by chance
		if bytes.Contains(disk, data) {
			t.Errorf("the file holds the plain bytes of chunk %d", i+1)
		}
	}
	if left, err := os.ReadDir(d.spools()); err != nil || len(left) > 0 {
		t.Errorf("the open file has a name: %v, %v", left, err)
	}
}
