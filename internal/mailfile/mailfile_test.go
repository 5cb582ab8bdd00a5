package mailfile

import (
	"io"
	"os"
	"strings"
	"testing"
)

// A file that grows or shrinks while it is read is an error, whatever its size, and never a message
// of the old size.
func TestFileThatChanges(t *testing.T) {
	for _, size := range []int{1000, inMemory + 100_000} {
		for _, to := range []int64{10, int64(size) + 10} {
			name := t.TempDir() + "/a"
			if err := os.WriteFile(name, []byte(strings.Repeat("x\n", size/2)), 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			info, err := f.Stat()
			if err != nil {
				t.Fatal(err)
			}
			change := func() {
				if err := os.Truncate(name, to); err != nil {
					t.Fatal(err)
				}
			}
			if size <= inMemory {
				change()
			}
			text, err := read(f, info)
			if size <= inMemory {
				if err == nil {
					t.Errorf("%d bytes that became %d were read", size, to)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			change()
			if n, err := io.Copy(io.Discard, text); err == nil {
				t.Errorf("%d bytes that became %d were read as %d", size, to, n)
			}
			text.Close()
		}
	}
}
