// Package canonical recognizes a message that a server has rewritten: it digests what servers keep.
//
// Servers encode bodies differently, remove and add header fields, and fold lines differently.
// Digests of a message before and after such changes are the same (Digest.Same). They cover:
//
//   - Message-ID, Subject, From, To, Cc and Date, decoded, without spaces and quotes; without a Message-ID, also the
//     other fields that a sender sets
//   - the Received fields; servers add some at the beginning
//   - the body, part by part, decoded from base64 and quoted-printable, without line ends and without empty lines at the
//     end of a part, and with 0x80 for NUL
//
// So two messages are the same if they differ only in their encoding and in other fields, which
// readers do not see. A copy from a mailing list is a different message, because its Received
// fields differ. A caller that must distinguish copies which are the same here compares their bytes
// first.
package canonical

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"slices"
)

// Key is a digest of a header. The zero Key means that the header has too few fields.
type Key [16]byte

// Digest is a digest of a message.
type Digest struct {
	key      Key
	body     [32]byte
	received [][8]byte // the newest first
}

// Same reports whether d and other are digests of the same message.
func (d Digest) Same(other Digest) bool {
	if d.key == (Key{}) || d.key != other.key || d.body != other.body {
		return false
	}
	n := min(len(d.received), len(other.received))
	return slices.Equal(d.received[len(d.received)-n:], other.received[len(other.received)-n:])
}

// HeaderKey returns the key of a header.
func HeaderKey(header []byte) Key {
	d := NewDigester()
	d.Write(header)
	d.endLine()
	d.endHeader()
	return d.fields.key()
}

// Digester digests the message that is written to it.
type Digester struct {
	hash    hash.Hash // of the body
	line    []byte    // not ended yet
	inLine  bool      // the beginning of a long line was processed
	begun   bool      // after the first line
	header  bool      // in a header
	fields  fields    // of the header of the message itself
	part    part      // the current part
	bounds  [][]byte  // the boundaries of the multiparts around it, with "--"
	decoder decoder
}

// longestLine is the most bytes of a line in memory. Longer fields are cut.
const longestLine = 64 << 10

// deepest is the deepest nesting of parts.
const deepest = 64

// NewDigester returns a Digester for a message.
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

// Sum ends the message and returns its digest.
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

// take processes a line, or a piece of a long one.
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
		// the first line of an mbox, which is not a field
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

// endField ends the current field.
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

// endHeader ends the current header and begins its body.
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

// boundary processes a line and returns true if it is the boundary of a multipart (RFC 2046 section
// 5.1.1).
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
