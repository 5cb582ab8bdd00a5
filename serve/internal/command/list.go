package command

import (
	"slices"
	"strings"
)

// List is a LIST or LSUB command (RFC 3501 section 6.3.8, RFC 5258, RFC 5819, RFC 6154).
type List struct {
	Reference string
	Patterns  []string

	Extended   bool // selection or return options, or several patterns
	Subscribed bool // only subscribed mailboxes
	Special    bool // only those with a special use
	Recursive  bool // RECURSIVEMATCH

	ReturnSubscribed bool
	ReturnChildren   bool
	ReturnSpecial    bool
	Status           []string // items to return for each mailbox, in upper case
}

// List parses the arguments of LIST.
func (s *Scanner) List() (*List, error) {
	l := new(List)
	if err := s.need(' '); err != nil {
		return nil, err
	}
	if s.peek() == '(' {
		l.Extended = true
		if err := s.list(func() error { return s.selectOption(l) }); err != nil {
			return nil, err
		}
		if err := s.need(' '); err != nil {
			return nil, err
		}
	}
	if err := s.patterns(l); err != nil {
		return nil, err
	}
	if s.take(' ') {
		if word, err := s.word(); err != nil || word != "RETURN" {
			return nil, syntax("RETURN expected")
		}
		l.Extended = true
		if err := s.need(' '); err != nil {
			return nil, err
		}
		if err := s.list(func() error { return s.returnOption(l) }); err != nil {
			return nil, err
		}
	}
	if l.Recursive && !l.Subscribed {
		return nil, syntax("RECURSIVEMATCH needs SUBSCRIBED") // RFC 5258 section 3.1
	}
	return l, s.End()
}

// LSub parses the arguments of LSUB.
func (s *Scanner) LSub() (*List, error) {
	l := &List{Subscribed: true}
	err := s.need(' ')
	if err == nil {
		err = s.patterns(l)
	}
	if err == nil {
		err = s.End()
	}
	return l, err
}

// maxPatterns is how many patterns a LIST may have. Clients send one to three.
const maxPatterns = 100

// patterns parses the reference and the patterns.
func (s *Scanner) patterns(l *List) (err error) {
	if l.Reference, err = s.astring(); err != nil {
		return err
	}
	if err = s.need(' '); err != nil {
		return err
	}
	add := func() error {
		pattern, err := s.pattern()
		if l.Patterns = append(l.Patterns, pattern); len(l.Patterns) > maxPatterns {
			return syntax("more than %d patterns", maxPatterns)
		}
		return err
	}
	if s.peek() == '(' {
		l.Extended = true
		return s.list(add)
	}
	return add()
}

func (s *Scanner) selectOption(l *List) error {
	word, err := s.word()
	switch word {
	case "SUBSCRIBED":
		l.Subscribed, l.ReturnSubscribed = true, true
	case "SPECIAL-USE":
		l.Special, l.ReturnSpecial = true, true
	case "RECURSIVEMATCH":
		l.Recursive = true
	case "REMOTE": // there are no remote mailboxes
	default:
		if err == nil {
			err = syntax("unknown selection option %s", word)
		}
	}
	return err
}

func (s *Scanner) returnOption(l *List) error {
	word, err := s.word()
	switch word {
	case "SUBSCRIBED":
		l.ReturnSubscribed = true
	case "CHILDREN":
		l.ReturnChildren = true
	case "SPECIAL-USE":
		l.ReturnSpecial = true
	case "STATUS":
		if err = s.need(' '); err == nil {
			l.Status, err = s.statusItems()
		}
	default:
		if err == nil {
			err = syntax("unknown return option %s", word)
		}
	}
	return err
}

// Status parses the arguments of STATUS: a mailbox, and items in upper case.
func (s *Scanner) Status() (mailbox string, items []string, err error) {
	if err = s.need(' '); err == nil {
		mailbox, err = s.astring()
	}
	if err == nil {
		err = s.need(' ')
	}
	if err == nil {
		items, err = s.statusItems()
	}
	if err == nil {
		err = s.End()
	}
	return mailbox, items, err
}

func (s *Scanner) statusItems() (items []string, err error) {
	err = s.list(func() error {
		item, err := s.word()
		switch {
		case err != nil:
		case strings.Contains(" MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN SIZE ", " "+item+" "):
			if !slices.Contains(items, item) {
				items = append(items, item)
			}
		default:
			err = syntax("unknown item %s", item)
		}
		return err
	})
	if err == nil && len(items) == 0 {
		err = syntax("no item given")
	}
	return items, err
}
