package collection

import "net/url"

// Spelling finds names that differ in nothing but which of their characters are percent-encoded.
// Servers encode them each in its own way, and some in two ways: Radicale names an item a%40b.ics
// that Cyrus names a@b.ics (RFC 3986 section 6.2.2).
type Spelling struct {
	names map[string]bool
	keys  map[string]string
}

// Know adds a name. A name that is spelled like it, and is not known itself, is taken for it.
func (s *Spelling) Know(name string) {
	if s.names == nil {
		s.names, s.keys = make(map[string]bool), make(map[string]string)
	}
	s.names[name] = true
	s.keys[spellingKey(name)] = name
}

// Of returns the known spelling of a name, or the name itself if it is known or none is. Names of
// scripts are no part of a URL, so they are never spelled otherwise.
func (s *Spelling) Of(kind Kind, name string) string {
	if kind == Sieve || s.names[name] {
		return name
	}
	if known, ok := s.keys[spellingKey(name)]; ok {
		return known
	}
	return name
}

func spellingKey(name string) string {
	if decoded, err := url.PathUnescape(name); err == nil {
		return decoded
	}
	return name
}

// Knows reports whether a name is known in any spelling.
func (s *Spelling) Knows(kind Kind, name string) bool { return s.names[s.Of(kind, name)] }
