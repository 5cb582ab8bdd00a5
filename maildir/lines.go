package maildir

import (
	"bytes"
	"errors"
	"io"

	"github.com/mailstrata/mailstrata/internal/lineend"
)

// errMixed is the error of a lineWriter for a message whose line ends cannot all become LF.
var errMixed = errors.New("not every line ends in CRLF")

// sizes are the sizes in the file name of a message. Dovecot closes the connection of a client that
// reads a message with a wrong size.
type sizes struct {
	file int64 // bytes of the file
	wire int64 // bytes if every line ends in CRLF
}

// lineWriter writes a message with the wanted line ends and counts its sizes. Flush ends it.
//
// Writing LF for CRLF is reversible if each LF comes after exactly one CR: CR CR LF would become CR
// LF, which is already a line end.
type lineWriter struct {
	to    io.Writer
	eol   EOL
	ends  *lineend.Cursor // if not nil, eol is LF for the lines that it says, and AsIs for the others
	buf   []byte          // written, but not yet to to
	crs   int64           // CRs at the end of what was written so far, not written out yet
	sizes sizes
	err   error // of the underlying writer, or errMixed
}

// linesBuffer is the size of the buffer of a lineWriter. It stays in a processor's cache.
const linesBuffer = 16 << 10

func (w *lineWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 && w.err == nil {
		end := bytes.IndexByte(p, '\n')
		if end >= 0 && w.ends != nil {
			w.eol = AsIs
			if w.ends.Bare() {
				w.eol = LF
			}
		}
		switch {
		case end < 0:
			w.text(p)
			end = len(p) - 1
		case w.crs == 0 && endsInCRLF(p[:end]) && w.eol != AsIs: // almost every line
			w.put(p[:end-1])
			w.put(lf)
			w.sizes.wire++ // for the CR
		default:
			w.text(p[:end])
			w.endLine()
		}
		p = p[end+1:]
	}
	if w.err != nil {
		return 0, w.err
	}
	return n, nil
}

// endsInCRLF reports whether a line, without its LF, ends with exactly one CR.
func endsInCRLF(line []byte) bool {
	n := len(line)
	return n > 0 && line[n-1] == '\r' && (n == 1 || line[n-2] != '\r')
}

var lf, cr = []byte("\n"), []byte("\r")

// text writes a piece of a line, without the CRs at its end, which may be part of the line end.
func (w *lineWriter) text(p []byte) {
	text := bytes.TrimRight(p, "\r")
	if len(text) > 0 {
		w.releaseCRs()
		w.put(text)
	}
	w.crs += int64(len(p) - len(text))
}

func (w *lineWriter) endLine() {
	if w.eol == Auto && w.crs != 1 {
		w.err = errMixed
		return
	}
	if w.eol != AsIs && w.crs > 0 {
		w.crs--
	}
	if w.crs == 0 {
		w.sizes.wire++ // for the missing CR
	}
	w.releaseCRs()
	w.put(lf)
}

func (w *lineWriter) releaseCRs() {
	for ; w.crs > 0; w.crs-- {
		w.put(cr)
	}
}

func (w *lineWriter) put(p []byte) {
	if len(w.buf)+len(p) > cap(w.buf) {
		w.writeOut(w.buf)
		w.buf = w.buf[:0]
	}
	if len(p) > cap(w.buf) {
		w.writeOut(p)
	} else {
		w.buf = append(w.buf, p...)
	}
	w.sizes.file += int64(len(p))
	w.sizes.wire += int64(len(p))
}

// Flush writes the remaining bytes and CRs.
func (w *lineWriter) Flush() error {
	w.releaseCRs()
	w.writeOut(w.buf)
	w.buf = w.buf[:0]
	return w.err
}

func (w *lineWriter) writeOut(p []byte) {
	if w.err == nil && len(p) > 0 {
		_, w.err = w.to.Write(p)
	}
}
