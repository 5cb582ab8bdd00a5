package entity

import (
	"bytes"
	"io"
)

// decoder decodes a transfer encoding. It accepts everything: what is not of the encoding is
// skipped or stays as it is.
type decoder interface {
	// decode appends the content of the next lines of a body to dst. last says that no more follow.
	decode(dst, lines []byte, last bool) []byte
}

// decoderOf returns a decoder for the value of Content-Transfer-Encoding, or nil if a body in that
// encoding is its own content. An encoding that is not known is one of these.
func decoderOf(encoding string) decoder {
	switch encoding {
	case "base64":
		return &base64Decoder{}
	case "quoted-printable":
		return quotedPrintable{}
	case "x-uuencode", "x-uue", "uuencode", "uue":
		return &uuDecoder{}
	}
	return nil
}

// Decode returns the content of the entity: its body without the transfer encoding. Of a body that
// is not encoded it returns the bytes of the message themselves.
func (e *Entity) Decode(message []byte) []byte {
	body := e.Body.Of(message)
	d := decoderOf(e.Encoding)
	if d == nil {
		return body
	}
	return d.decode(make([]byte, 0, len(body)), body, true)
}

// Reader returns a reader of the content of the entity, which is decoded piece by piece.
func (e *Entity) Reader(message []byte) io.Reader {
	body := e.Body.Of(message)
	d := decoderOf(e.Encoding)
	if d == nil {
		return bytes.NewReader(body)
	}
	return &reader{body: body, decoder: d}
}

// pieceSize is about how many bytes of a body a reader decodes at a time.
const pieceSize = 32 << 10

type reader struct {
	body    []byte // what is not decoded yet
	decoder decoder
	buffer  []byte
	ready   []byte
}

func (r *reader) Read(b []byte) (int, error) {
	for len(r.ready) == 0 {
		if len(r.body) == 0 {
			return 0, io.EOF
		}
		size := len(r.body)
		if size > pieceSize {
			size = pieceSize + lineSize(r.body[pieceSize:])
		}
		r.buffer = r.decoder.decode(r.buffer[:0], r.body[:size], size == len(r.body))
		r.ready, r.body = r.buffer, r.body[size:]
	}
	n := copy(b, r.ready)
	r.ready = r.ready[n:]
	return n, nil
}

// lineSize returns the size of the first line with its line end.
func lineSize(text []byte) int {
	if i := bytes.IndexByte(text, '\n'); i >= 0 {
		return i + 1
	}
	return len(text)
}
