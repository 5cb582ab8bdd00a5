package fingerprint

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

// Traits are the features of a message that servers are known to alter or refuse.
type Traits struct {
	NUL            bool
	BareLF         bool
	EightBitHeader bool // 8-bit bytes in the header

	last        byte
	crs, crlfs  int
	inBody      bool
	lineHasText bool
}

// NoEnd reports whether the last line has no line end.
func (o *Traits) NoEnd() bool { return o.last != '\n' }

// BareCR reports whether there are more CRs than line ends use.
func (o *Traits) BareCR() bool { return o.crs > o.crlfs }

// Any reports whether the message has any of the traits.
func (o *Traits) Any() bool { return o.NUL || o.BareLF || o.BareCR() || o.EightBitHeader }

func (o *Traits) Write(p []byte) (int, error) {
	o.NUL = o.NUL || bytes.IndexByte(p, 0) >= 0
	o.crs += bytes.Count(p, []byte("\r"))
	for rest := p; len(rest) > 0; {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		o.line(line, ended)
		rest = after
	}
	return len(p), nil
}

// line examines a line, or a piece of one.
func (o *Traits) line(line []byte, ended bool) {
	if len(line) > 0 {
		o.last = line[len(line)-1]
	}
	if !o.inBody {
		o.lineHasText = o.lineHasText || len(bytes.TrimRight(line, "\r")) > 0
		o.EightBitHeader = o.EightBitHeader || slices.ContainsFunc(line, func(c byte) bool { return c >= utf8.RuneSelf })
	}
	if !ended {
		return
	}
	if o.last == '\r' {
		o.crlfs++
	} else {
		o.BareLF = true
	}
	o.inBody = o.inBody || !o.lineHasText
	o.lineHasText, o.last = false, '\n'
}
