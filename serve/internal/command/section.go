package command

import (
	"strconv"
	"strings"
)

// SectionOf says what a section has of its part.
type SectionOf string

// What a section can have (RFC 3501 section 6.4.5).
const (
	Whole     SectionOf = ""
	Header    SectionOf = "HEADER"
	Fields    SectionOf = "HEADER.FIELDS"
	FieldsNot SectionOf = "HEADER.FIELDS.NOT"
	Text      SectionOf = "TEXT"
	MIME      SectionOf = "MIME"
)

// Section is a section of a message: "BODY[1.2.HEADER]<0.100>".
type Section struct {
	Part   []uint32 // of a multipart within a multipart …; nil: the message
	Of     SectionOf
	Fields []string // of Fields and FieldsNot

	Partial        bool
	Offset, Length int64 // if Partial

	Old string // the old name, such as RFC822.HEADER
}

// maxPart bounds the depth of a section.
const maxPart = 200

// section parses "[1.HEADER]<0.10>".
func (s *Scanner) section() (*Section, error) {
	x := new(Section)
	if err := s.need('['); err != nil {
		return nil, err
	}
	for isDigit(s.peek()) {
		n, err := s.number()
		if err != nil || n == 0 || len(x.Part) == maxPart {
			return nil, syntax("the number of a part expected")
		}
		x.Part = append(x.Part, uint32(n))
		if !s.take('.') {
			break
		}
		if s.peek() == ']' {
			return nil, syntax("a part ends with a dot")
		}
	}
	if s.peek() != ']' {
		if err := s.sectionText(x); err != nil {
			return nil, err
		}
	}
	if err := s.need(']'); err != nil {
		return nil, err
	}
	if s.peek() != '<' {
		return x, nil
	}
	return x, s.partial(x)
}

func (s *Scanner) sectionText(x *Section) (err error) {
	x.Of = SectionOf(upper(s.span(func(c byte) bool { return c == '.' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' })))
	switch x.Of {
	case Header, Text:
		return nil
	case MIME:
		if len(x.Part) == 0 {
			return syntax("MIME needs a part")
		}
		return nil
	case Fields, FieldsNot:
		if err := s.need(' '); err != nil {
			return err
		}
		err := s.list(func() error {
			name, err := s.astring()
			x.Fields = append(x.Fields, name)
			return err
		})
		if err == nil && len(x.Fields) == 0 {
			err = syntax("no field given")
		}
		return err
	}
	return syntax("unknown section %.40q", string(x.Of))
}

func (s *Scanner) partial(x *Section) (err error) {
	s.take('<')
	x.Partial = true
	if x.Offset, err = s.number(); err != nil {
		return err
	}
	if err = s.need('.'); err != nil {
		return err
	}
	if x.Length, err = s.number(); err != nil {
		return err
	}
	if x.Length == 0 {
		return syntax("a partial fetch of no bytes")
	}
	return s.need('>')
}

// Format returns the name of the section in a response, such as BODY[HEADER.FIELDS (DATE)]<0>.
// quote makes an astring of the name of a field.
func (s *Section) Format(quote func(string) string) string {
	if s.Old != "" {
		return s.Old
	}
	var b strings.Builder
	b.WriteString("BODY[")
	for i, n := range s.Part {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(strconv.FormatUint(uint64(n), 10))
	}
	if len(s.Part) > 0 && s.Of != Whole {
		b.WriteByte('.')
	}
	b.WriteString(string(s.Of))
	for i, field := range s.Fields {
		b.WriteString([]string{" (", " "}[min(i, 1)] + quote(field))
	}
	if len(s.Fields) > 0 {
		b.WriteByte(')')
	}
	b.WriteByte(']')
	if s.Partial {
		b.WriteString("<" + strconv.FormatInt(s.Offset, 10) + ">")
	}
	return b.String()
}

func upper(s string) string { return strings.ToUpper(s) }
