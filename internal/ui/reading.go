package ui

import (
	"iter"
	"strings"
	"unicode"

	"github.com/rivo/uniseg"
)

const (
	tabWidth = 8
	// maxBlank is the most empty lines that Reading keeps of several. Newsletters are full of them.
	maxBlank = 1
)

// Reading writes text that somebody else wrote, to be read: its lines are folded on a terminal,
// where a fold repeats the > of a quotation. Nothing in it has an effect on a terminal. Invisible
// characters are left out, and control characters become U+FFFD.
func (o *Output) Reading(text string) {
	for line := range ReadingLines(text, o.screen.width) {
		o.Printf("%s", line)
	}
}

// ReadingLines yields the lines that Reading prints on a terminal of some width; 0: none. A line
// with folds has line breaks in it.
func ReadingLines(text string, width int) iter.Seq[string] {
	return func(yield func(string) bool) {
		blank := maxBlank // none at the beginning
		for line := range strings.Lines(text) {
			line = strings.TrimRightFunc(readable(line), isBlank)
			if line != "" {
				blank = 0
			} else if blank++; blank > maxBlank {
				continue
			}
			if !yield(foldQuoted(line, width)) {
				return
			}
		}
	}
}

// readable returns a line without what a terminal would obey and what nobody sees.
func readable(line string) string {
	var b strings.Builder
	column := 0
	for _, r := range strings.TrimRight(line, "\r\n") {
		switch {
		case r == '\t':
			n := tabWidth - column%tabWidth
			b.WriteString(strings.Repeat(" ", n))
			column += n
			continue
		case unicode.Is(unicode.Cf, r) && !isHarmless(r):
			continue
		case !isHarmless(r):
			r = unicode.ReplacementChar
		}
		b.WriteRune(r)
		column++
	}
	return b.String()
}

// isBlank reports whether a character at the end of a line is not seen. Newsletters pad their
// previews with these.
func isBlank(r rune) bool {
	const graphemeJoiner, nonJoiner, joiner = '\u034f', '\u200c', '\u200d'
	return unicode.IsSpace(r) || r == graphemeJoiner || r == nonJoiner || r == joiner
}

// foldQuoted folds a line, and begins each further line with its quotation marks.
func foldQuoted(line string, width int) string {
	rest := strings.TrimLeft(line, "> ")
	mark := line[:len(line)-len(rest)]
	if width == 0 || uniseg.StringWidth(line) <= width {
		return line
	}
	if len(mark) > width/2 {
		mark = ""
	}
	return mark + strings.ReplaceAll(fold(rest, width-len(mark), ""), "\n", "\n"+mark)
}
