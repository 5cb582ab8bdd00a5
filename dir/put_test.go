package dir

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// An object is as old as its name: a manifest that took long to write must not seem to have met its
// deadline. So touch changes the time of a file that was written long ago, and nothing else.
func TestTouch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, content := range []string{"", "content"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		hourAgo := time.Now().Add(-time.Hour)
		if err := os.Chtimes(path, hourAgo, hourAgo); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := touch(f, int64(len(content))); err != nil {
			t.Fatal(err)
		}
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		if age := time.Since(info.ModTime()); age > time.Minute {
			t.Errorf("touched, a file of %d bytes is %v old", len(content), age)
		}
		if got, err := os.ReadFile(path); string(got) != content {
			t.Errorf("touched, it holds %q, %v", got, err)
		}
	}
}
