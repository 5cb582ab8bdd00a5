package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// document is performance.md in a directory. What is written by hand in it stays; each set has a part between two
// comments, which is written anew.
type document struct{ dir string }

func (d document) put(name, text string) error {
	path := filepath.Join(d.dir, "performance.md")
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(replace(string(old), name, text)), 0o644)
}

func (d document) chart(name, svg string) (file string, err error) {
	file = "performance-" + name + ".svg"
	return file, os.WriteFile(filepath.Join(d.dir, file), []byte(svg), 0o644)
}

// replace puts a text in place of the part of that name, or at the end.
func replace(old, name, text string) string {
	begin, end := fmt.Sprintf("<!-- begin %s -->\n", name), fmt.Sprintf("<!-- end %s -->\n", name)
	head, rest, found := strings.Cut(old, begin)
	_, tail, closed := strings.Cut(rest, end)
	if !found || !closed {
		head, tail = strings.TrimRight(old, "\n")+"\n\n", ""
	}
	return head + begin + text + end + tail
}

// putComparison writes the part of a set.
func (d document) putComparison(s *set, rounds int, machine string, results []result) error {
	title := fmt.Sprintf("%s: %s messages, %.0f MB", s.name, thousands(s.messages), float64(s.bytes)/1e6)
	svg, err := d.chart(s.name, chart(title+" — mailstrata, of what its peers need", bars(results)))
	text := fmt.Sprintf("### %s\n\n![ratios](%s)\n\n%s\nMedians of %d rounds.\n\n%s", title, svg, table(results), rounds, machine)
	return cmp.Or(err, d.put(s.name, text))
}

// thousands writes 1000000 as 1,000,000.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
