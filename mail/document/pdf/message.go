package pdf

import (
	"encoding/binary"
	"fmt"
	"io"
)

// What the two processes say to each other. The child begins with a byte, when it is ready.
//
//	request  = size of the document (4 bytes) | limit of the text (4 bytes) | document
//	response = { page } end
//	page     = 1 | size (4 bytes) | text in UTF-8
//	end      = 0 | 4 zero bytes, or 2 | size (4 bytes) | why there is no more text
//
// Numbers are in big endian. The parent does not believe the child: it reads no more than it asked
// for.

// MaxDocument is the size of the largest document, in bytes.
const MaxDocument = 64 << 20

type responseKind byte

const (
	endResponse   responseKind = 0
	pageResponse  responseKind = 1
	errorResponse responseKind = 2
)

// maxError is the size of the longest text of an error.
const maxError = 1000

// ready is the byte with which a child begins.
const ready = 'R'

func writeReady(w io.Writer) error {
	_, err := w.Write([]byte{ready})
	return err
}

func readReady(r io.Reader) error {
	var b [1]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return err
	}
	if b[0] != ready {
		return fmt.Errorf("it begins with byte %d", b[0])
	}
	return nil
}

func writeRequest(w io.Writer, document []byte, limit int) error {
	head := binary.BigEndian.AppendUint32(nil, uint32(len(document)))
	head = binary.BigEndian.AppendUint32(head, uint32(limit))
	if _, err := w.Write(head); err != nil {
		return err
	}
	_, err := w.Write(document)
	return err
}

func readRequest(r io.Reader) (document []byte, limit int, err error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, 0, err
	}
	size := binary.BigEndian.Uint32(head[:4])
	if size > MaxDocument {
		return nil, 0, fmt.Errorf("a document of %d bytes", size)
	}
	document = make([]byte, size)
	_, err = io.ReadFull(r, document)
	return document, int(binary.BigEndian.Uint32(head[4:])), err
}

func writeResponse(w io.Writer, kind responseKind, text string) error {
	message := binary.BigEndian.AppendUint32([]byte{byte(kind)}, uint32(len(text)))
	_, err := w.Write(append(message, text...))
	return err
}

// readResponse reads one response, of a text of at most limit bytes.
func readResponse(r io.Reader, limit int) (kind responseKind, text []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	kind = responseKind(head[0])
	if kind == errorResponse {
		limit = maxError
	}
	size := binary.BigEndian.Uint32(head[1:])
	if kind > errorResponse || int64(size) > int64(limit) {
		return 0, nil, fmt.Errorf("a response of kind %d and %d bytes", kind, size)
	}
	text = make([]byte, size)
	_, err = io.ReadFull(r, text)
	return kind, text, err
}
