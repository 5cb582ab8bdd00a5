package command

import (
	"fmt"
	"strings"
)

// SyntaxError is an error in the arguments of a command.
type SyntaxError struct{ Text string }

func (e *SyntaxError) Error() string { return e.Text }

func syntax(format string, args ...any) error { return &SyntaxError{fmt.Sprintf(format, args...)} }

// Scanner reads the arguments of a command from left to right.
type Scanner struct {
	segments []segment
	at       int // in the text of the first segment
}

// peek returns the next byte, or 0 at the end of a line.
func (s *Scanner) peek() byte {
	if len(s.segments) == 0 || s.at >= len(s.segments[0].text) {
		return 0
	}
	return s.segments[0].text[s.at]
}

// take reads a byte if it is the next one.
func (s *Scanner) take(c byte) bool {
	if c == 0 || s.peek() != c {
		return false
	}
	s.at++
	return true
}

// need reads a byte that must come next.
func (s *Scanner) need(c byte) error {
	if s.take(c) {
		return nil
	}
	return syntax("%q expected%s", c, s.where())
}

// where describes the place in the command for an error.
func (s *Scanner) where() string {
	if len(s.segments) == 0 || s.at >= len(s.segments[0].text) {
		return " at the end"
	}
	rest := string(s.segments[0].text[s.at:])
	return fmt.Sprintf(" before %.40q", rest)
}

// End requires that the command ends here.
func (s *Scanner) End() error {
	if len(s.segments) > 0 && (s.at < len(s.segments[0].text) || s.segments[0].literal != nil) {
		return syntax("the command should end%s", s.where())
	}
	return nil
}

// span reads characters of a class.
func (s *Scanner) span(class func(byte) bool) string {
	start := s.at
	for c := s.peek(); c != 0 && class(c); c = s.peek() {
		s.at++
	}
	if start == s.at {
		return ""
	}
	return string(s.segments[0].text[start:s.at])
}

// atom reads an atom.
func (s *Scanner) atom() (string, error) {
	if word := s.span(isAtomChar); word != "" {
		return word, nil
	}
	return "", syntax("a word expected%s", s.where())
}

// word reads an atom in upper case.
func (s *Scanner) word() (string, error) {
	word, err := s.atom()
	return strings.ToUpper(word), err
}

// astring reads an atom, a quoted string or a literal.
func (s *Scanner) astring() (string, error) { return s.text(isAStringChar) }

// pattern reads the pattern of LIST, which may have wildcards.
func (s *Scanner) pattern() (string, error) {
	return s.text(func(c byte) bool { return isAStringChar(c) || c == '%' || c == '*' })
}

func (s *Scanner) text(class func(byte) bool) (string, error) {
	if s.peek() == '"' {
		return s.quoted()
	}
	if word := s.span(class); word != "" {
		return word, nil
	}
	if len(s.segments) > 1 && s.at == len(s.segments[0].text) && s.segments[0].literal != nil {
		text := string(s.segments[0].literal)
		s.segments, s.at = s.segments[1:], 0
		return text, nil
	}
	return "", syntax("a string expected%s", s.where())
}

// quoted reads a quoted string. Bytes above 127 are accepted: clients send passwords and search
// texts in UTF-8.
func (s *Scanner) quoted() (string, error) {
	s.at++
	var b strings.Builder
	for {
		c := s.peek()
		if c == 0 {
			return "", syntax("a quote is not closed")
		}
		s.at++
		switch c {
		case '"':
			return b.String(), nil
		case '\\':
			if c = s.peek(); c != '"' && c != '\\' {
				return "", syntax("a backslash escapes only a quote and a backslash")
			}
			s.at++
		}
		b.WriteByte(c)
	}
}

// number reads a number of up to 32 bits.
func (s *Scanner) number() (int64, error) {
	n, ok := number(s.span(isDigit), 1<<32-1)
	if !ok {
		return 0, syntax("a number expected%s", s.where())
	}
	return n, nil
}

// list reads what one reads, in parentheses, with spaces between. It may be empty.
func (s *Scanner) list(one func() error) error {
	if err := s.need('('); err != nil {
		return err
	}
	if s.take(')') {
		return nil
	}
	for {
		if err := one(); err != nil {
			return err
		}
		if s.take(')') {
			return nil
		}
		if err := s.need(' '); err != nil {
			return err
		}
	}
}

// number parses digits up to a limit.
func number(digits string, limit int64) (n int64, ok bool) {
	for _, c := range []byte(digits) {
		d := int64(c - '0')
		if c < '0' || c > '9' || n > (limit-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, digits != ""
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isAtomChar reports whether a character can be in an atom: ATOM-CHAR.
func isAtomChar(c byte) bool { return c > ' ' && c < 0x7f && strings.IndexByte(`(){%*"\]`, c) < 0 }

// isAStringChar reports whether a character can be in an astring without quotes: ASTRING-CHAR.
func isAStringChar(c byte) bool { return isAtomChar(c) || c == ']' }

func isAll(s string, class func(byte) bool) bool {
	for _, c := range []byte(s) {
		if !class(c) {
			return false
		}
	}
	return true
}
