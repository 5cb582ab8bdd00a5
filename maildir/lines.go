package maildir

import (
	"bytes"
	"errors"
	"io"
)

// errMixed is the error of a lineWriter for a message whose line ends cannot all become LF.
var errMixed = errors.New("not every line ends in CRLF")

// sizes are the sizes in the file name of a message. Dovecot closes the connection of a client that reads a message
// with a wrong size.
type sizes struct {
	file int64 // bytes of the file
	wire int64 // bytes if every line ends in CRLF
}

// lineWriter writes a message with the wanted line ends and counts its sizes. Flush ends it.
//
// Writing LF for CRLF is reversible if each LF comes after exactly one CR: CR CR LF would become CR LF, which is
// already a line end.
type lineWriter struct {
	to    io.Writer
	eol   EOL
	crs   int64 // CRs at the end of what was written so far, not written out yet
	sizes sizes
	err   error // of the underlying writer, or errMixed
}

func (w *lineWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 && w.err == nil {
		line, rest, ended := bytes.Cut(p, lf)
		w.text(line)
		if ended {
			w.endLine()
		}
		p = rest
	}
	if w.err != nil {
		return 0, w.err
	}
	return n, nil
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
	if w.err != nil {
		return
	}
	_, w.err = w.to.Write(p)
	w.sizes.file += int64(len(p))
	w.sizes.wire += int64(len(p))
}

// Flush writes the remaining CRs.
func (w *lineWriter) Flush() error {
	w.releaseCRs()
	return w.err
}
