package canonical

import (
	"crypto/sha256"
	"mime"
	"slices"
	"strings"
)

// shown are the fields that mail programs show.
var shown = map[string]bool{"message-id": true, "subject": true, "from": true, "to": true, "cc": true, "date": true}

// others are other fields that a sender sets. They count if there is no Message-ID.
var others = map[string]bool{
	"bcc": true, "reply-to": true, "sender": true, "in-reply-to": true, "references": true, "content-type": true,
}

// fields are the fields of a header that count.
type fields struct {
	list     []string // "name:value"
	size     int      // of list
	id       bool     // there is a Message-ID
	from     bool
	date     bool
	received [][8]byte
}

// mostReceived bounds the Received fields that count, and mostBytes the size of the others.
const (
	mostReceived = 100
	mostBytes    = 256 << 10
)

func (f *fields) take(name, value string) {
	switch {
	case name == "received" && len(f.received) < mostReceived:
		sum := sha256.Sum256([]byte(plain(value)))
		f.received = append(f.received, [8]byte(sum[:8]))
	case shown[name], others[name]:
		value = plain(value)
		if f.size += len(value); f.size > mostBytes {
			return
		}
		f.list = append(f.list, name+":"+value)
		f.id = f.id || name == "message-id" && value != ""
		f.from = f.from || name == "from" && value != ""
		f.date = f.date || name == "date" && value != ""
	}
}

// key digests the fields. Their order does not matter.
func (f *fields) key() (key Key) {
	if !f.id && !(f.from && f.date) {
		return key
	}
	list := slices.Clone(f.list)
	if f.id {
		list = slices.DeleteFunc(list, func(field string) bool {
			name, _, _ := strings.Cut(field, ":")
			return !shown[name]
		})
	}
	slices.Sort(list)
	sum := sha256.Sum256([]byte(strings.Join(list, "\n")))
	copy(key[:], sum[:])
	return key
}

var words mime.WordDecoder

// plain removes what servers change in a value: encoded words, spaces and quotes. 8-bit bytes
// become X, as on some servers.
func plain(value string) string {
	if decoded, err := words.DecodeHeader(value); err == nil {
		value = decoded
	}
	var b strings.Builder
	last := byte(0)
	for i := range len(value) {
		c := value[i]
		switch {
		case c >= 0x80:
			c = 'X'
		case c <= ' ', c == '"', c == 0x7f:
			continue
		}
		if c != 'X' || last != 'X' {
			b.WriteByte(c)
		}
		last = c
	}
	return b.String()
}

// part is a part of a message.
type part struct {
	top      bool // the message itself
	message  bool // an attached message
	field    []byte
	kind     string // text/plain
	boundary string
	encoding string
}

// fold adds another line to the field.
func (p *part) fold(line []byte) {
	if len(p.field) > 0 && len(p.field)+len(line) <= longestLine {
		p.field = append(append(p.field, ' '), line...)
	}
}

func (p *part) take(name, value string) {
	switch name {
	case "content-transfer-encoding":
		p.encoding = strings.ToLower(strings.TrimSpace(value))
	case "content-type":
		kind, parameters, _ := mime.ParseMediaType(value)
		if kind == "" {
			kind, _, _ = strings.Cut(value, ";")
		}
		p.kind = strings.ToLower(strings.TrimSpace(kind))
		if strings.HasPrefix(p.kind, "multipart/") {
			p.boundary = parameters["boundary"]
		}
	}
}
