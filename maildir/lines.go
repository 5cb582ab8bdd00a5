package maildir

import (
	"bytes"
	"errors"
	"io"
)

// errMixed ends the writing of a message whose line ends cannot all become LF.
var errMixed = errors.New("not every line ends in CRLF")

// sizes are those that a message's file name tells. Dovecot drops the connection of whoever reads a message whose sizes
// are told wrongly.
type sizes struct {
	file int64 // bytes of the file
	wire int64 // bytes where every line ends in CRLF
}

// lineWriter writes a message with the line ends that are wanted, and measures it. Flush ends it.
//
// LF for CRLF can be undone exactly if each LF came after a CR, and no CR came before that: CR CR LF would become
// CR LF, which is taken for a line end as it is.
type lineWriter struct {
	to    io.Writer
	eol   EOL
	crs   int64 // CRs at the end of what was written so far, held back
	sizes sizes
	err   error // of the writer beneath, or errMixed
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

// text writes a stretch of a line, but not the CRs at its end, which may belong to the line's end.
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
		w.sizes.wire++ // the CR that this line end lacks
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

// Flush writes what was held back.
func (w *lineWriter) Flush() error {
	w.releaseCRs()
	return w.err
}
