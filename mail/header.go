package mail

// The header of a message ends with the first empty line, which belongs to it:
// a line of LF or CRLF alone (RFC 5322 section 2.1 knows CRLF; what programs
// leave in a Maildir ends in LF).
//
//	Subject: hello CR LF          header
//	CR LF                         header
//	The text                      body
//
// A shorter message without an empty line is all header. A message of MaxHeader
// bytes or more without one among these is all body: it is hardly mail, and to
// find out must not take more memory.

// findHeader returns the size of the header, 0 if the message has none.
func (s *Splitter) findHeader() (int, error) {
	line := 0 // where the first line begins that is not known to be whole
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

// headerSize looks for the first empty line of b from a line's beginning on. It
// returns where that line ends, or 0 and where the last line begins, which
// may go on.
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
