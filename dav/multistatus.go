package dav

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// These limits bound what a server can make the client hold.
const (
	maxAnswer    = 128 << 20 // bytes of a multistatus: some 300,000 items
	maxElement   = 4 << 20   // bytes of what it says about one resource
	maxElements  = 1000      // of these; in memory each has some 100 bytes
	maxDepth     = 64        // of its elements
	maxResponses = 1_000_000
)

// ErrProtocol reports a server that does not speak WebDAV, or breaks its rules.
var ErrProtocol = errors.New("not an answer of a WebDAV server")

// element is an element of an answer, with its text if it has no elements.
type element struct {
	name     xml.Name
	text     string
	children []*element
	called   string // the attribute name
}

// multistatus is the answer to PROPFIND and REPORT (RFC 4918 section 13).
type multistatus struct {
	responses []propResponse
	syncToken string
}

// propResponse is what is said about one resource.
type propResponse struct {
	href   string
	status int        // of the resource; 0: that of its properties
	props  []*element // that were found

	failed map[xml.Name]int // the statuses of properties that were not found for another reason than that they do not exist
}

// unknown returns the status of a failure that hides whether a resource has a property, or 0. A
// refusal (403) does not count: the user may not see that resource, such as a calendar of others.
func (r *propResponse) unknown(space, local string) int {
	status := r.status
	if status == 0 || status/100 == 2 {
		status = r.failed[xml.Name{Space: space, Local: local}]
	}
	if status/100 == 4 && status != 408 && status != 429 {
		return 0
	}
	return status
}

// prop returns a property, or nil.
func (r *propResponse) prop(space, local string) *element {
	for _, p := range r.props {
		if p.name.Space == space && p.name.Local == local {
			return p
		}
	}
	return nil
}

// textOf returns the text of a property, or nothing.
func (r *propResponse) textOf(space, local string) string {
	if p := r.prop(space, local); p != nil {
		return strings.TrimSpace(p.text)
	}
	return ""
}

func (e *element) child(space, local string) *element {
	if e == nil {
		return nil
	}
	for _, c := range e.children {
		if c.name.Space == space && c.name.Local == local {
			return c
		}
	}
	return nil
}

// hrefs returns the texts of the href elements in e.
func (e *element) hrefs() (all []string) {
	if e == nil {
		return nil
	}
	for _, c := range e.children {
		if c.name.Space == davSpace && c.name.Local == "href" {
			all = append(all, strings.TrimSpace(c.text))
		}
	}
	return all
}

// parseMultistatus parses an answer of at most limit bytes, which must be whole.
func parseMultistatus(r io.Reader, limit int64) (*multistatus, error) {
	m := new(multistatus)
	limited := &bounded{r: r, all: limit, some: maxElement}
	d := xml.NewDecoder(limited)
	d.CharsetReader = charset
	root, err := rootOf(d)
	if err != nil {
		return nil, err
	}
	if root.Name != (xml.Name{Space: davSpace, Local: "multistatus"}) {
		return nil, fmt.Errorf("%w: an element %q where multistatus is expected", ErrProtocol, root.Name.Local)
	}
	for {
		limited.some = maxElement
		t, err := d.Token()
		if err != nil {
			return nil, broken(err)
		}
		switch t := t.(type) {
		case xml.EndElement:
			return m, nil
		case xml.StartElement:
			most := maxElements
			e, err := readElement(d, t, 1, &most)
			if err != nil {
				return nil, err
			}
			if err := m.add(e); err != nil {
				return nil, err
			}
		}
	}
}

// charset accepts the names of UTF-8 and of ASCII.
func charset(label string, input io.Reader) (io.Reader, error) {
	if l := strings.ToLower(label); l == "utf8" || l == "us-ascii" {
		return input, nil
	}
	return nil, fmt.Errorf("the charset %q", label)
}

// bounded reads an answer, and an element of it, up to a number of bytes.
type bounded struct {
	r         io.Reader
	all, some int64
}

func (b *bounded) Read(p []byte) (int, error) {
	most := min(b.all, b.some)
	if most <= 0 {
		return 0, fmt.Errorf("%w: it is too long", ErrProtocol)
	}
	n, err := b.r.Read(p[:min(int64(len(p)), most)])
	b.all, b.some = b.all-int64(n), b.some-int64(n)
	return n, err
}

func broken(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%w: %w", ErrProtocol, err)
}

func rootOf(d *xml.Decoder) (xml.StartElement, error) {
	for {
		t, err := d.Token()
		if err != nil {
			return xml.StartElement{}, broken(err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			return t, nil
		case xml.Directive:
			return xml.StartElement{}, fmt.Errorf("%w: it begins with <!%.20s", ErrProtocol, t)
		}
	}
}

// readElement reads an element whose start was read, with at most so many elements.
func readElement(d *xml.Decoder, start xml.StartElement, depth int, most *int) (*element, error) {
	if *most--; depth > maxDepth || *most < 0 {
		return nil, fmt.Errorf("%w: more than %d elements in one, or more than %d deep",
			ErrProtocol, maxElements, maxDepth)
	}
	e := &element{name: start.Name}
	for _, attr := range start.Attr {
		if attr.Name.Local == "name" {
			e.called = attr.Value
		}
	}
	var text strings.Builder
	for {
		t, err := d.Token()
		if err != nil {
			return nil, broken(err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			c, err := readElement(d, t, depth+1, most)
			if err != nil {
				return nil, err
			}
			e.children = append(e.children, c)
		case xml.CharData:
			text.Write(t)
		case xml.EndElement:
			if len(e.children) == 0 {
				e.text = text.String()
			}
			return e, nil
		}
	}
}

// add adds an element of the multistatus.
func (m *multistatus) add(e *element) error {
	if e.name.Space != davSpace {
		return nil
	}
	switch e.name.Local {
	case "sync-token":
		m.syncToken = strings.TrimSpace(e.text)
	case "response":
		if len(m.responses) == maxResponses {
			return fmt.Errorf("%w: it names more than %d resources", ErrProtocol, maxResponses)
		}
		return m.addResponse(e)
	}
	return nil
}

func (m *multistatus) addResponse(e *element) (err error) {
	hrefs := e.hrefs()
	if len(hrefs) == 0 {
		return fmt.Errorf("%w: a response without href", ErrProtocol)
	}
	var r propResponse
	if status := e.child(davSpace, "status"); status != nil {
		if r.status, err = statusOf(status.text); err != nil {
			return err
		}
	}
	for _, stat := range e.children {
		if stat.name != (xml.Name{Space: davSpace, Local: "propstat"}) {
			continue
		}
		status := stat.child(davSpace, "status")
		if status == nil {
			return fmt.Errorf("%w: properties without a status", ErrProtocol)
		}
		code, err := statusOf(status.text)
		if err != nil {
			return err
		}
		r.addProps(code, stat.child(davSpace, "prop"))
	}
	for _, href := range hrefs { // several only with a status
		r.href = href
		m.responses = append(m.responses, r)
	}
	return nil
}

// addProps adds the properties of a propstat.
func (r *propResponse) addProps(status int, prop *element) {
	switch {
	case prop == nil || status == 404 || status == 410:
	case status == 200:
		r.props = append(r.props, prop.children...)
	default:
		if r.failed == nil {
			r.failed = make(map[xml.Name]int)
		}
		for _, p := range prop.children {
			r.failed[p.name] = status
		}
	}
}

// statusOf parses a status line, such as "HTTP/1.1 200 OK".
func statusOf(line string) (int, error) {
	words := strings.Fields(line)
	if len(words) < 2 || !strings.HasPrefix(words[0], "HTTP/") {
		return 0, fmt.Errorf("%w: the status %.40q", ErrProtocol, line)
	}
	code, err := strconv.Atoi(words[1])
	if err != nil || code < 100 || code > 999 {
		return 0, fmt.Errorf("%w: the status %.40q", ErrProtocol, line)
	}
	return code, nil
}

// precondition returns the name of the precondition in the body of an answer that is an error (RFC
// 4918 section 16), and what the server says about it, or nothing.
func precondition(body []byte) (name, text string) {
	d := xml.NewDecoder(bytes.NewReader(body))
	d.CharsetReader = charset
	root, err := rootOf(d)
	if err != nil || root.Name != (xml.Name{Space: davSpace, Local: "error"}) {
		return "", ""
	}
	most := maxElements
	e, err := readElement(d, root, 1, &most)
	if err != nil || len(e.children) == 0 {
		return "", ""
	}
	for _, described := range []*element{e.child(davSpace, "responsedescription"), e.child(sabreSpace, "message")} {
		if described != nil {
			text = strings.TrimSpace(described.text)
		}
	}
	for _, c := range e.children {
		if c.name.Space != sabreSpace { // it has its version and the name of a class there
			return c.name.Local, text
		}
	}
	return "", text
}
