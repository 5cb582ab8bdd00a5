package format

import (
	"bytes"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// Frames have a checksum, by which zstd alone detects a changed bit.
func TestFramesHaveChecksums(t *testing.T) {
	e, err := newFrameEncoder(frameLevel)
	if err != nil {
		t.Fatal(err)
	}
	content := bytes.Repeat([]byte("Received: from mail.example\r\n"), 100)
	stored, err := e.encode(content)
	if err != nil {
		t.Fatal(err)
	}
	var h zstd.Header
	if err := h.Decode(stored); err != nil || !h.HasCheckSum {
		t.Errorf("%+v, %v", h, err)
	}
}
