package command

// Login parses the arguments of LOGIN.
func (s *Scanner) Login() (user, password string, err error) {
	if err = s.need(' '); err == nil {
		user, err = s.astring()
	}
	if err == nil {
		err = s.need(' ')
	}
	if err == nil {
		password, err = s.astring()
	}
	if err == nil {
		err = s.End()
	}
	return user, password, err
}

// Authenticate parses the arguments of AUTHENTICATE: a mechanism in upper case and the initial
// response (RFC 4959), which is nil if there is none.
func (s *Scanner) Authenticate() (mechanism string, initial *string, err error) {
	if err = s.need(' '); err == nil {
		mechanism, err = s.word()
	}
	if err == nil && s.take(' ') {
		text := s.span(func(c byte) bool { return c > ' ' && c < 0x7f })
		initial = &text
	}
	if err == nil {
		err = s.End()
	}
	return mechanism, initial, err
}

// Mailbox parses the name of a mailbox, which is all that SELECT and EXAMINE have.
func (s *Scanner) Mailbox() (name string, err error) {
	if err = s.need(' '); err == nil {
		name, err = s.astring()
	}
	if err == nil {
		err = s.End()
	}
	return name, err
}
