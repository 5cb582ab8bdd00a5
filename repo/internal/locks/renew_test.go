package locks

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
)

// The example of docs/format.md, of a renewal.
func TestRenewalVector(t *testing.T) {
	at := time.UnixMilli(0x19d46c4dd00)
	b, err := format.Encode(renewalRow{When: uint64(at.UnixMilli())})
	if name := format.Stamped(at, [32]byte{}); err != nil || hex.EncodeToString(b) != "a1011b0000019d46c4dd00" || !strings.HasPrefix(name, "fffffe62b93b22ff-") {
		t.Errorf("%x, %s, %s, %v", b, name, at.UTC(), err)
	}
	doc, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "format.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"`a1 01 1b 0000019d46c4dd00`", "`renewals/fffffe62b93b22ff-`"} {
		if !strings.Contains(string(doc), line) {
			t.Errorf("docs/format.md does not show %q", line)
		}
	}
}
