//go:build !race

package pdf

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestMemory requires that the child takes less than 200 MiB when it compiles PDFium, and then less
// than 100 MiB.
func TestMemory(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	for i, limit := range []int{200 << 10, 100 << 10} {
		x := NewExtractor(self, cache)
		defer x.Close()
		if _, err := x.Text(context.Background(), []byte("%PDF-1.7\n"), 1000); err == nil {
			t.Error("this is no PDF")
		}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", x.child.process.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(status), "VmHWM:")
		var peak int
		if _, err := fmt.Sscan(rest, &peak); err != nil {
			t.Fatal(err)
		}
		t.Logf("child %d: %d KiB", i+1, peak)
		if peak > limit {
			t.Errorf("child %d takes %d KiB, more than %d", i+1, peak, limit)
		}
	}
}
