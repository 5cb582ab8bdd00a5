package imapserver

import "strings"

// pattern is a pattern of LIST. "*" stands for any characters, and "%" for any except the
// delimiter.
type pattern struct {
	text   string // no two wildcards follow each other
	others int    // characters that are no wildcards: no shorter name matches
}

// newPattern returns a pattern that means the same as a text. Of wildcards side by side, one
// decides: "*" if it is among them.
func newPattern(text string) (p pattern) {
	b := make([]byte, 0, len(text))
	for _, c := range []byte(text) {
		wild := c == '*' || c == '%'
		if last := len(b) - 1; wild && last >= 0 && (b[last] == '*' || b[last] == '%') {
			if c == '*' {
				b[last] = c
			}
			continue
		}
		if !wild {
			p.others++
		}
		b = append(b, c)
	}
	p.text = string(b)
	return p
}

// matches reports whether a name matches. It takes at most the square of the length of the name,
// whatever the pattern is.
func (p pattern) matches(name, delimiter string) bool {
	if name == "INBOX" && strings.EqualFold(p.text, name) {
		return true
	}
	if p.others > len(name) {
		return false
	}
	// ends[i] reports whether the pattern so far matches name[:i].
	ends := make([]bool, len(name)+1)
	ends[0] = true
	for _, c := range []byte(p.text) {
		if c == '*' || c == '%' {
			for i := range len(name) {
				if ends[i] && (c == '*' || !strings.HasPrefix(name[i:], delimiter)) {
					ends[i+1] = true
				}
			}
			continue
		}
		for i := len(name); i > 0; i-- {
			ends[i] = ends[i-1] && name[i-1] == c
		}
		ends[0] = false
	}
	return ends[len(name)]
}
