package header

import (
	"bytes"
	"slices"
	"strings"
)

// Only returns the lines of the fields of these names, after an empty line. Fields and Texts find
// the same fields of these names in them as in the whole text.
func Only(text []byte, names ...string) (fields []byte) {
	end := LineEnd(text)
	within := false // a field of one of the names
	for line := range Lines(text) {
		if len(line) == 0 || line[0] != ' ' && line[0] != '\t' {
			before, _, ok := bytes.Cut(line, []byte(":"))
			name := bytes.TrimRight(before, " \t")
			within = ok && slices.ContainsFunc(names, func(n string) bool {
				return len(n) == len(name) && strings.EqualFold(n, string(name)) // names of fields are ASCII
			})
		}
		if !within {
			continue
		}
		if len(fields) == 0 {
			fields = append(fields, end) // it says how lines end, as the first line end does
		}
		fields = append(append(fields, line...), end)
	}
	return fields
}
