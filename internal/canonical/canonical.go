// Package canonical digests what servers keep when they rewrite a message.
//
// Servers re-encode bodies, strip fields that they use themselves, add others, and fold lines in another way. The digests of a
// message before and after that are the same (Digest.Same). They compare:
//
//   - Message-ID, Subject, From, To, Cc and Date, decoded, without blanks and quotes; without a Message-ID, also the
//     other fields that a sender sets
//   - the Received fields, of which servers add some before those that are there
//   - the body, part by part, decoded from base64 and quoted-printable; line ends, and blank lines at the end of a part,
//     do not count, and NUL counts as 0x80
//
// So two messages count as one if they differ only in other fields, which no reader is shown, or in their encoding. A copy
// that came through a mailing list is another message, because its Received fields differ. A caller can tell such messages
// apart only by comparing them more closely first.
package canonical

import (
	"bytes"
	"crypto/sha256"
	"hash"
)

// Key is a digest of a header. The zero Key means that the header says too little.
type Key [16]byte

// Digest is a digest of a message.
type Digest struct {
	key      Key
	body     [32]byte
	received [][8]byte // the newest first
}

// Same reports whether two digests are of the same message.
func (d Digest) Same(other Digest) bool {
	if d.key == (Key{}) || d.key != other.key || d.body != other.body {
		return false
	}
	n := min(len(d.received), len(other.received))
	a, b := d.received[len(d.received)-n:], other.received[len(other.received)-n:]
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// HeaderKey returns the key of a header.
func HeaderKey(header []byte) Key {
	d := NewDigester()
	d.Write(header)
	d.endLine()
	d.endHeader()
	return d.fields.key()
}

// Digester digests a message that is written to it.
type Digester struct {
	hash    hash.Hash // of the body
	line    []byte    // not ended yet
	inLine  bool      // part of the line was taken already, because it is long
	begun   bool      // the first line is past
	header  bool      // lines are of a header
	fields  fields    // of the message's own header
	part    part      // that is being read
	bounds  [][]byte  // of the multiparts around it, with "--"
	decoder decoder
}

// longestLine bounds the bytes of a line that are held. Fields are cut to it.
const longestLine = 64 << 10

// deepest bounds the nesting of parts.
const deepest = 64

// NewDigester begins a message.
func NewDigester() *Digester {
	d := &Digester{hash: sha256.New(), header: true}
	d.part.top = true
	d.decoder.to = d.hash
	return d
}

// Write adds to the message. It never fails.
func (d *Digester) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		text, rest, ended := bytes.Cut(p, []byte("\n"))
		for len(d.line)+len(text) > longestLine {
			room := longestLine - len(d.line)
			d.line, text = append(d.line, text[:room]...), text[room:]
			d.take(d.line, false)
			d.line, d.inLine = d.line[:0], true
		}
		d.line = append(d.line, text...)
		if ended {
			d.endLine()
		}
		p = rest
	}
	return n, nil
}

// Sum ends the message.
func (d *Digester) Sum() Digest {
	if len(d.line) > 0 || d.inLine {
		d.endLine()
	}
	if d.header {
		d.endHeader()
	}
	d.endPart()
	sum := Digest{key: d.fields.key(), received: d.fields.received}
	d.hash.Sum(sum.body[:0])
	return sum
}

func (d *Digester) endLine() {
	d.take(d.line, true)
	d.line, d.inLine, d.begun = d.line[:0], false, true
}

// take takes a line, or a piece of a long one.
func (d *Digester) take(line []byte, ended bool) {
	if !d.header {
		if !d.inLine && d.boundary(line) {
			return
		}
		d.decoder.line(line, ended)
		return
	}
	trimmed := bytes.TrimRight(line, "\r")
	switch {
	case !d.begun && !d.inLine && (bytes.HasPrefix(line, []byte("From ")) || bytes.HasPrefix(line, []byte(">From "))):
		// of an mbox; no field
	case d.inLine:
		d.part.fold(line)
	case len(trimmed) == 0 && ended:
		d.endHeader()
	case line[0] == ' ' || line[0] == '\t':
		d.part.fold(trimmed)
	default:
		d.endField()
		d.part.field = append(d.part.field[:0], trimmed...)
	}
}

// endField ends a field of the header that is being read.
func (d *Digester) endField() {
	name, value, ok := bytes.Cut(d.part.field, []byte(":"))
	d.part.field = d.part.field[:0]
	if !ok {
		return
	}
	name = bytes.ToLower(bytes.TrimSpace(name))
	d.part.take(string(name), string(value))
	if d.part.top {
		d.fields.take(string(name), string(value))
	} else if d.part.message && shown[string(name)] {
		d.hash.Write([]byte(string(name) + ":" + plain(string(value)) + "\n"))
	}
}

// endHeader begins the body that follows a header.
func (d *Digester) endHeader() {
	d.endField()
	d.header = false
	if !d.part.top {
		d.hash.Write([]byte("part " + d.part.kind + "\n"))
	}
	if d.part.boundary != "" && len(d.bounds) < deepest {
		d.bounds = append(d.bounds, []byte("--"+d.part.boundary))
	}
	d.decoder.begin(d.part.encoding)
	if d.part.kind == "message/rfc822" && d.decoder.identity() && len(d.bounds) < deepest {
		d.header, d.part = true, part{message: true}
	}
}

// boundary takes a line that divides parts.
func (d *Digester) boundary(line []byte) bool {
	if !bytes.HasPrefix(line, []byte("--")) {
		return false
	}
	line = bytes.TrimRight(line, " \t\r")
	for i := len(d.bounds) - 1; i >= 0; i-- {
		rest, ok := bytes.CutPrefix(line, d.bounds[i])
		if !ok || len(rest) > 0 && string(rest) != "--" {
			continue
		}
		d.endPart()
		d.part = part{}
		d.bounds = d.bounds[:i+1]
		if d.header = len(rest) == 0; !d.header {
			d.bounds = d.bounds[:i]
			d.decoder.begin("")
		}
		return true
	}
	return false
}

func (d *Digester) endPart() {
	d.decoder.end()
	d.hash.Write([]byte("\nend of part\n"))
}
