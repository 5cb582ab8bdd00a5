package cli

import (
	"os"
	"path/filepath"
	"testing"
)

// Whatever is in the file, failures can be recorded.
func TestReadFailed(t *testing.T) {
	for text, want := range map[string]int{
		`{"anna":{"since":"2026-03-01T03:00:00Z","time":"2026-03-02T03:00:00Z","error":"x"}}`: 1,
		"null": 0, "{}": 0, "": 0, "[]": 0, `{"anna":`: 0, `{"anna":7}`: 0,
	} {
		file := filepath.Join(t.TempDir(), "failed")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		failed, _ := readFailed(file)
		if len(failed) != want {
			t.Errorf("%q: %v", text, failed)
		}
		failed["ben"] = FailedBackup{}
	}
}
