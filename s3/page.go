package s3

import (
	"bytes"
	"encoding/xml"
	"strconv"
	"strings"
)

// page is the XML text of one page of a listing. A store may give the names of its elements a
// prefix, which stands for the namespace, and attributes. A page has up to 1,000 entries, so it is
// searched, and not parsed a second time.
type page struct {
	data         []byte
	root, prefix string // of the root element; the prefix ends in ':', or is ""
}

// entriesOf has the root elements of pages, and the elements of their entries.
var entriesOf = map[string][]string{
	"ListBucketResult":   {"Contents"},
	"ListVersionsResult": {"Version", "DeleteMarker"},
}

// ends reports whether the page has its end: the tag that closes the root element.
func (p page) ends() bool {
	text := bytes.TrimSpace(p.data)
	if bytes.HasSuffix(text, []byte("/>")) { // a root without content
		return true
	}
	text, ok := bytes.CutSuffix(text, []byte(">"))
	return ok && bytes.HasSuffix(bytes.TrimSpace(text), []byte("</"+p.prefix+p.root))
}

// count returns how many elements have this name.
func (p page) count(name string) (n int) {
	for rest, ok := p.after(p.data, name); ok; rest, ok = p.after(rest, name) {
		n++
	}
	return n
}

// promisesMore reports whether the page says that another one follows. It reads the value as
// package xml reads it.
func (p page) promisesMore() bool {
	rest, ok := p.after(p.data, "IsTruncated")
	if !ok {
		return false
	}
	_, value, _ := bytes.Cut(rest, []byte(">"))
	value, _, _ = bytes.Cut(value, []byte("<"))
	more, err := strconv.ParseBool(strings.TrimSpace(string(value)))
	return err == nil && more
}

// after returns what follows the name in the next tag that opens an element of this name.
func (p page) after(data []byte, name string) ([]byte, bool) {
	tag := []byte("<" + p.prefix + name)
	for {
		_, rest, ok := bytes.Cut(data, tag)
		if !ok {
			return nil, false
		}
		if len(rest) > 0 && strings.IndexByte("> \t\r\n/", rest[0]) >= 0 {
			return rest, true
		}
		data = rest // the beginning of a longer name
	}
}

// rootOf returns the local name of the root element of an XML text, or "", and its prefix with the
// ':', or "".
func rootOf(text []byte) (name, prefix string) {
	d := xml.NewDecoder(bytes.NewReader(text))
	for {
		token, err := d.RawToken()
		if err != nil {
			return "", ""
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if prefix = start.Name.Space; prefix != "" {
			prefix += ":"
		}
		return start.Name.Local, prefix
	}
}
