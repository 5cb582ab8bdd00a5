package ui

import (
	"os/exec"
	"strings"
	"testing"
)

// A command line that is wider than the terminal is broken so that a shell reads the same words.
func TestCommandLine(t *testing.T) {
	words := []string{"printf", "%s\\\\n", "restore", "1a2b3c4d", "--mailbox", ShellWord("Projects/The bridge \\ it's"), "--message", "1:4000,5001", "--to", "maildir:/tmp/x"}
	whole := CommandLine(words, 0, "")
	if strings.Contains(whole, "\n") || CommandLine(words, 500, "") != whole {
		t.Errorf("have %q", whole)
	}
	read := func(line string) string {
		out, err := exec.Command("sh", "-c", line).Output()
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		return string(out)
	}
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("there is no shell")
	}
	for _, width := range []int{10, 40, 60} {
		narrow := CommandLine(words, width, "  ")
		if read(narrow) != read(whole) {
			t.Errorf("in %d cells, a shell reads other words: %s", width, narrow)
		}
		for line := range strings.Lines(narrow) {
			line = strings.TrimSuffix(line, "\n")
			if cellsOf(line) > width && len(strings.Fields(strings.TrimSuffix(line, ` \`))) > 1 && !strings.Contains(line, "'") {
				t.Errorf("%q is wider than %d cells", line, width)
			}
		}
	}
}
