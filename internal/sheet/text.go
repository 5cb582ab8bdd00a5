package sheet

import (
	"fmt"
	"strings"
)

// width is that of the page as text.
const width = 78

// Text returns the page as text. Its code is of half blocks, two modules a character, and is read
// from paper; on a dark terminal it is inverted, which most readers accept too.
func (s *Sheet) Text() (string, error) {
	var b strings.Builder
	b.WriteString("RECOVERY SHEET FOR ARCHIVED MAIL\n\n" + fold(s.Intro(), "") + "\n\n")
	b.WriteString("Where the archive is\n\n    " + s.Place + "\n")
	if s.Also != "" {
		b.WriteString("\n" + fold(s.Also, "") + "\n")
	}
	b.WriteString("\nHow to get the mail back\n\n")
	for i, step := range s.Steps() {
		label := fmt.Sprintf("%d. ", i+1)
		b.WriteString(label + fold(step.Text, "   ") + "\n")
		for _, command := range step.Commands {
			b.WriteString("\n       " + command + "\n")
		}
		b.WriteString("\n")
	}
	if s.Key == "" {
		b.WriteString("The passphrase (write it here by hand; capital and small letters differ)\n\n\n    " +
			strings.Repeat("_", width-8) + "\n\n")
	} else {
		b.WriteString("The key (one line)\n\n    " + strings.Join(s.Lines(), "\n    ") + "\n\n")
		blocks, err := s.blocks()
		if err != nil {
			return "", err
		}
		b.WriteString(blocks + "\n")
	}
	if s.Fingerprint != "" {
		b.WriteString("Fingerprint of the archive: " + s.Fingerprint + "\n")
	}
	b.WriteString("Made on " + s.Day() + "\n")
	return b.String(), nil
}

// blocks returns the code in characters, two rows of modules in a line.
func (s *Sheet) blocks() (string, error) {
	code, err := s.code()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for y := -quiet; y < code.Size+quiet; y += 2 {
		var line strings.Builder
		for x := -quiet; x < code.Size+quiet; x++ {
			switch above, below := code.Black(x, y), code.Black(x, y+1); {
			case above && below:
				line.WriteString("█")
			case above:
				line.WriteString("▀")
			case below:
				line.WriteString("▄")
			default:
				line.WriteString(" ")
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String(), nil
}

// fold breaks text into lines of the page; those after the first begin with the indent.
func fold(text, indent string) string {
	var b strings.Builder
	used := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case used+1+len(word) > width-len(indent):
			b.WriteString("\n" + indent)
			used = 0
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += len(word)
	}
	return b.String()
}
