package command

import (
	"iter"
	"strings"
	"time"
)

// Search is a SEARCH command (RFC 3501 section 6.4.4, RFC 4731).
type Search struct {
	Extended bool     // RETURN was given: the answer is ESEARCH
	Return   []string // MIN, MAX, ALL, COUNT
	Charset  string   // in upper case; empty: not given
	Key      Key
}

// Key is a condition of a search.
type Key struct {
	Op   string // in upper case: AND, OR, NOT, SEQ, UID, or the name of a search key
	Keys []Key  // of AND, OR and NOT
	Set  Set    // of SEQ and UID
	Text string // what to look for; the keyword of KEYWORD and UNKEYWORD
	Name string // the field of HEADER
	Size int64  // of LARGER and SMALLER
	Date Date   // of BEFORE, ON, SINCE and their SENT forms
}

// All yields the key and those in it.
func (k *Key) All() iter.Seq[*Key] {
	return func(yield func(*Key) bool) { k.each(yield) }
}

func (k *Key) each(yield func(*Key) bool) bool {
	if !yield(k) {
		return false
	}
	for i := range k.Keys {
		if !k.Keys[i].each(yield) {
			return false
		}
	}
	return true
}

// Date is a day of the calendar.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// limits of a search
const (
	maxKeys     = 1000
	maxKeyDepth = 32
)

// Search parses the arguments of SEARCH.
func (s *Scanner) Search() (*Search, error) {
	c := new(Search)
	if err := s.need(' '); err != nil {
		return nil, err
	}
	if s.takeWord("RETURN ") {
		c.Extended = true
		err := s.list(func() error {
			option, err := s.word()
			if err == nil && !strings.Contains(" MIN MAX ALL COUNT ", " "+option+" ") {
				err = syntax("unknown return option %s", option)
			}
			c.Return = append(c.Return, option)
			return err
		})
		if err == nil {
			err = s.need(' ')
		}
		if err != nil {
			return nil, err
		}
	}
	if s.takeWord("CHARSET ") {
		charset, err := s.astring()
		if err == nil {
			err = s.need(' ')
		}
		if err != nil {
			return nil, err
		}
		c.Charset = upper(charset)
	}
	left := maxKeys
	c.Key.Op = "AND"
	for {
		key, err := s.key(0, &left)
		if err != nil {
			return nil, err
		}
		if c.Key.Keys = append(c.Key.Keys, key); !s.take(' ') {
			return c, s.End()
		}
	}
}

// takeWord reads a word in any case, with what follows it, if it is next.
func (s *Scanner) takeWord(word string) bool {
	if len(s.segments) == 0 || len(s.segments[0].text)-s.at < len(word) ||
		!strings.EqualFold(string(s.segments[0].text[s.at:s.at+len(word)]), word) {
		return false
	}
	s.at += len(word)
	return true
}

// key parses a search key. left is how many more there may be.
func (s *Scanner) key(depth int, left *int) (k Key, err error) {
	if *left--; *left < 0 || depth > maxKeyDepth {
		return k, syntax("too many search keys, or too deep")
	}
	switch c := s.peek(); {
	case c == '(':
		k.Op = "AND"
		err = s.list(func() error {
			inner, err := s.key(depth+1, left)
			k.Keys = append(k.Keys, inner)
			return err
		})
		if err == nil && len(k.Keys) == 0 {
			err = syntax("empty parentheses")
		}
		return k, err
	case isDigit(c) || c == '*':
		k.Op = "SEQ"
		k.Set, err = s.set()
		return k, err
	}
	if k.Op, err = s.word(); err != nil {
		return k, err
	}
	return k, s.argument(&k, depth, left)
}

// argument parses what follows the name of a key.
func (s *Scanner) argument(k *Key, depth int, left *int) (err error) {
	switch k.Op {
	case "ALL", "ANSWERED", "DELETED", "DRAFT", "FLAGGED", "NEW", "OLD", "RECENT", "SEEN", "UNANSWERED",
		"UNDELETED", "UNDRAFT", "UNFLAGGED",
		"UNSEEN":
		return nil
	}
	if err = s.need(' '); err != nil {
		return err
	}
	switch k.Op {
	case "NOT", "OR":
		return s.operands(k, depth, left)
	case "UID":
		k.Set, err = s.set()
	case "LARGER", "SMALLER":
		k.Size, err = s.number()
	case "KEYWORD", "UNKEYWORD":
		k.Text, err = s.atom()
	case "BCC", "BODY", "CC", "FROM", "SUBJECT", "TEXT", "TO":
		k.Text, err = s.astring()
	case "HEADER":
		if k.Name, err = s.astring(); err != nil {
			return err
		}
		if err = s.need(' '); err == nil {
			k.Text, err = s.astring()
		}
	case "BEFORE", "ON", "SINCE", "SENTBEFORE", "SENTON", "SENTSINCE":
		k.Date, err = s.date()
	default:
		err = syntax("unknown search key %.40q", k.Op)
	}
	return err
}

func (s *Scanner) operands(k *Key, depth int, left *int) error {
	operands := 1
	if k.Op == "OR" {
		operands = 2
	}
	for n := range operands {
		if n > 0 {
			if err := s.need(' '); err != nil {
				return err
			}
		}
		inner, err := s.key(depth+1, left)
		if err != nil {
			return err
		}
		k.Keys = append(k.Keys, inner)
	}
	return nil
}

// date parses a date such as 1-Feb-2024, with or without quotes.
func (s *Scanner) date() (d Date, err error) {
	text, err := s.astring()
	if err != nil {
		return d, err
	}
	t, err := time.Parse("2-Jan-2006", text)
	if err != nil {
		return d, syntax("%.40q is not a date such as 1-Feb-2024", text)
	}
	d.Year, d.Month, d.Day = t.Date()
	return d, nil
}

// Compare compares two days.
func (d Date) Compare(other Date) int {
	a, b := d.Year*1000+int(d.Month)*50+d.Day, other.Year*1000+int(other.Month)*50+other.Day
	return a - b
}

// Day returns the day of a time, in its zone.
func Day(t time.Time) (d Date) {
	d.Year, d.Month, d.Day = t.Date()
	return d
}
