package ingest

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo"
)

func TestLaneOf(t *testing.T) {
	noise := make([]byte, 4096)
	rand.NewChaCha8([32]byte{}).Read(noise)
	text := bytes.Repeat([]byte("> Grüße\r\n\tund на русском\f\r\n"), 99)
	for _, c := range []struct {
		kind mail.PartKind
		data []byte
		want repo.Lane
	}{
		{mail.HeaderPart, text, repo.LaneHeader},
		{mail.HeaderPart, noise, repo.LaneHeader},
		{mail.TextPart, noise, repo.LaneText},
		{mail.Base64Part, noise, repo.LaneBody},
		{mail.Base64Part, noise[:100], repo.LaneBody},
		{mail.Base64Part, text, repo.LaneText},
		{mail.Base64Part, []byte("x"), repo.LaneText},
		{mail.Base64Part, []byte("\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"), repo.LaneBody},
		{mail.Base64Part, []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), repo.LaneBody},
		{mail.Base64Part, []byte("h\x00i\x00"), repo.LaneBody}, // UTF-16: the text lane has nothing like it
	} {
		if got := LaneOf(c.kind, c.data); got != c.want {
			t.Errorf("%v %.20q: lane %d, want %d", c.kind, c.data, got, c.want)
		}
	}
}
