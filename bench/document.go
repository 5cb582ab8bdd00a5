package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// document is performance.md in a directory. Its handwritten text stays. Each set has a part
// between two comments, which is replaced.
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

// title says what a set is.
func (s *set) title() string {
	return fmt.Sprintf("%s: %s messages, %.0f MB", s.name, thousands(s.messages), float64(s.bytes)/1e6)
}

// figures are all that was measured with a set.
func (s *set) figures(rounds int, machine string, results []result) string {
	first := results[0].rows[0]
	return fmt.Sprintf("%s\n%s The first backup takes %.1f s of CPU a GB of mail.\n\n%s", table(results), mediansOf(rounds),
		first.median(cpu)/(float64(s.bytes)/1e9), machine)
}

// mediansOf says what figures are.
func mediansOf(rounds int) string {
	if rounds == 1 {
		return "One round."
	}
	return fmt.Sprintf("Medians of %d rounds.", rounds)
}

// putSet writes the part of a set.
func (d document) putSet(s *set, figures string, results []result) error {
	svg, err := d.chart(s.name, chart(s.title()+": mailstrata, of what its peers need", bars(results)))
	return cmp.Or(err, d.put(s.name, fmt.Sprintf("### %s\n\n![ratios](%s)\n\n%s", s.title(), svg, figures)))
}

// thousands writes 1000000 as 1,000,000.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
