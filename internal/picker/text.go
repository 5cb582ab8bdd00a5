package picker

import (
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"github.com/mailstrata/mailstrata/internal/ui"
)

// maxMarks is how many characters a grapheme cluster may have: a letter under a heap of marks would
// cover its neighbors.
const maxMarks = 8

// Cluster is what one or two cells of a terminal show.
type Cluster struct {
	Text  string
	Cells int
}

// Clusters divides a text into what cells show. Control characters and what changes the direction
// of text are shown as escapes.
func Clusters(text string) (all []Cluster) {
	state := -1
	for rest := ui.Safe(text); rest != ""; {
		var c Cluster
		c.Text, rest, c.Cells, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if utf8.RuneCountInString(c.Text) > maxMarks {
			c.Text = string([]rune(c.Text)[:maxMarks])
			c.Cells = uniseg.StringWidth(c.Text)
		}
		switch {
		case c.Cells == 0:
			c = Cluster{"◌" + c.Text, 1} // a mark without a letter would go to the cell before
		case c.Cells > 2:
			c = Cluster{"�", 1}
		}
		all = append(all, c)
	}
	return all
}

// fit cuts or pads a text to some cells.
func fit(text string, cells int, right bool) string {
	text = strings.ReplaceAll(clip(text, cells), "\t", " ")
	var b strings.Builder
	used, room := 0, cells
	all := Clusters(text)
	cut := cellsOf(all) > cells
	if cut {
		room--
	}
	for _, c := range all {
		if used+c.Cells > room {
			break
		}
		b.WriteString(c.Text)
		used += c.Cells
	}
	if cut && cells > 0 {
		b.WriteString("…")
		used++
	}
	padding := strings.Repeat(" ", max(0, cells-used))
	if right {
		return padding + b.String()
	}
	return b.String() + padding
}

// clip cuts off most of a text that is much longer than some cells.
func clip(text string, cells int) string {
	if most := 256 + 16*cells; len(text) > most {
		return text[:most] + "…"
	}
	return text
}

// cellsOf returns how many cells a text takes.
func cellsOf(all []Cluster) (cells int) {
	for _, c := range all {
		cells += c.Cells
	}
	return cells
}

// fitEnd returns the end of a text that fits into some cells.
func fitEnd(text string, cells int) string {
	all := Clusters(text)
	at, used := len(all), 0
	for at > 0 && used+all[at-1].Cells <= cells {
		at--
		used += all[at].Cells
	}
	var b strings.Builder
	for _, c := range all[at:] {
		b.WriteString(c.Text)
	}
	return fit(b.String(), cells, false)
}

// wrapFields returns the lines of fields. Their values are aligned. An empty line follows.
func wrapFields(fields [][2]string, width int) []string {
	lines := []string{}
	indent := 0
	for _, field := range fields {
		indent = max(indent, len(field[0])+1)
	}
	for _, field := range fields {
		name := fit(field[0], indent, false)
		for folded := range ui.ReadingLines(strings.Join(strings.Fields(field[1]), " "), width-indent) {
			for line := range strings.SplitSeq(folded, "\n") {
				for _, part := range wrapLine(line, width-indent) {
					lines = append(lines, name+part)
					name = fit("", indent, false)
				}
			}
		}
	}
	if len(lines) > 0 {
		lines = append(lines, "")
	}
	return lines
}

// wrapLine breaks a line where it does not fit. Package ui has folded it at spaces, where it could.
func wrapLine(line string, width int) (lines []string) {
	var b strings.Builder
	used := 0
	for _, c := range Clusters(line) {
		if used+c.Cells > width {
			lines = append(lines, b.String())
			b.Reset()
			used = 0
		}
		b.WriteString(c.Text)
		used += c.Cells
	}
	return append(lines, b.String())
}
