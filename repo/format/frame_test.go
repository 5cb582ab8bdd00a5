package format

import (
	"bytes"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// Frames have a checksum, by which zstd alone detects a changed bit.
func TestFramesHaveChecksums(t *testing.T) {
	content := bytes.Repeat([]byte("Received: from mail.example\r\n"), 100)
	for effort := range efforts {
		e, err := newFrameEncoder(effort)
		if err != nil {
			t.Fatal(err)
		}
		stored, err := e.encode(content)
		if err != nil {
			t.Fatal(err)
		}
		var h zstd.Header
		if err := h.Decode(stored); err != nil || !h.HasCheckSum || !h.SingleSegment || !h.HasFCS {
			t.Errorf("%d: %+v, %v", effort, h, err)
		}
	}
}
