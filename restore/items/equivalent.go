package items

import (
	"bytes"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/collection"
)

// Equivalent reports whether two contents of a kind say the same. A server may fold the lines of a
// calendar object in its own way, order its properties and their parameters otherwise, write their
// names in capitals, and give it a product of its own. Scripts must be equal.
func Equivalent(kind collection.Kind, a, b []byte) bool {
	if kind == collection.Sieve || bytes.Equal(a, b) {
		return bytes.Equal(a, b)
	}
	return canonical(a) == canonical(b)
}

// canonical returns the unfolded lines of an object (RFC 5545 section 3.1, RFC 6350 section 3.2),
// in each of its components in order of their text, without those that a server writes itself.
func canonical(content []byte) string {
	text := strings.ReplaceAll(string(content), "\r\n", "\n")
	text = strings.NewReplacer("\n ", "", "\n\t", "").Replace(text)
	open := [][]string{nil} // the lines of each component that has no end yet
	for line := range strings.SplitSeq(text, "\n") {
		upper, last := strings.ToUpper(line), len(open)-1
		switch {
		case line == "" || strings.HasPrefix(upper, "PRODID:") || strings.HasPrefix(upper, "REV:"):
		case strings.HasPrefix(upper, "BEGIN:") && last < 64:
			open = append(open, []string{upper})
		case strings.HasPrefix(upper, "END:") && last > 0:
			slices.Sort(open[last][1:])
			open[last-1] = append(open[last-1], strings.Join(append(open[last], upper), "\n"))
			open = open[:last]
		default:
			open[last] = append(open[last], sortParameters(line))
		}
	}
	for _, lines := range open {
		slices.Sort(lines)
	}
	return strings.Join(slices.Concat(open...), "\n")
}

// sortParameters puts the parameters of a property into the order of their text, and its name and
// theirs into capitals: case does not matter in them (RFC 5545 section 3.1, RFC 6350 section 3.3).
// DAViCal, Radicale and sabre/dav write some in capitals. A colon or a semicolon within quotes
// belongs to a value.
func sortParameters(line string) string {
	var words []string
	quoted, from := false, 0
	for i := range len(line) {
		switch c := line[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ';':
			words, from = append(words, capitalName(line[from:i])), i+1
		case c == ':':
			words = append(words, capitalName(line[from:i]))
			slices.Sort(words[1:])
			return strings.Join(words, ";") + line[i:]
		}
	}
	return line
}

// capitalName writes the name of a property, or of a parameter before its value, in capitals.
func capitalName(word string) string {
	name, value, is := strings.Cut(word, "=")
	if !is {
		return strings.ToUpper(word)
	}
	return strings.ToUpper(name) + "=" + value
}
