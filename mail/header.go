package mail

// The header of a message ends with the first empty line, which is part of it. That line is CRLF
// (RFC 5322 section 2.1), or LF, which programs leave in a Maildir:
//
//	Subject: hello CR LF          header
//	CR LF                         header
//	The text                      body
//
// A message of less than MaxHeader bytes without an empty line is all header. A longer one without
// an empty line in its first MaxHeader bytes is all body. It is hardly mail, and the search must
// not take more memory.

// findHeader returns the size of the header, or 0 if the message has none.
func (s *Splitter) findHeader() (int, error) {
	line := 0 // the start of the first line that may be incomplete
	for want := lookahead; ; want *= 2 {
		if err := s.need(want); err != nil {
			return 0, err
		}
		b := s.buf[s.r:min(s.w, s.r+MaxHeader)]
		size, rest := headerSize(b, line)
		switch {
		case size > 0:
			return size, nil
		case len(b) == MaxHeader:
			return 0, nil
		case s.end != nil:
			return len(b), nil
		}
		line = rest
	}
}

// headerSize searches b for an empty line, starting at the beginning of a line. It returns the end
// of the empty line, or 0 and the start of the last line, which may be incomplete.
func headerSize(b []byte, line int) (size, rest int) {
	for line < len(b) {
		n := lineSize(b[line:])
		switch l := b[line : line+n]; {
		case l[n-1] != '\n':
			return 0, line
		case n == 1, n == 2 && l[0] == '\r':
			return line + n, 0
		}
		line += n
	}
	return 0, line
}
