package ui

import (
	"regexp"
	"slices"
	"strings"

	"github.com/rivo/uniseg"
)

// fitted returns the widths of the columns; 0 leaves a column out. On a terminal, it leaves out
// optional columns, and cuts the widest ones until a row fits.
func (t *Table) fitted() []int {
	widths := make([]int, len(t.columns))
	for i, c := range t.columns {
		widths[i] = c.width
		if t.screen.width == 0 {
			widths[i] = min(c.width, maxPadding)
		}
	}
	if t.screen.width == 0 {
		return widths
	}
	whole := slices.Clone(widths)
	t.leaveOut(widths, t.spare, fairColumn)
	if last := len(widths) - 1; t.folded && rowWidth(widths) > t.screen.width {
		if room := t.screen.width - rowWidth(widths[:last]) - columnGap; !t.below && room >= foldColumn {
			widths[last] = room
			return widths
		}
		t.below = true
	}
	if t.below {
		widths = whole
		widths[len(widths)-1] = 0
		t.leaveOut(widths, t.spare, fairColumn)
	}
	if t.widthAt(widths, narrowColumn) > t.screen.width {
		for i, c := range t.columns {
			if c.short > 0 {
				widths[i] = min(widths[i], c.short)
			}
		}
	}
	t.leaveOut(widths, t.late, narrowColumn)
	t.cut(widths, func(c column) bool { return !c.isFirm() })
	t.cut(widths, func(c column) bool { return c.kept })
	return widths
}

// longestWord returns the width of the longest word of a text.
func longestWord(text string) (width int) {
	for word := range strings.FieldsSeq(text) {
		width = max(width, uniseg.StringWidth(word))
	}
	return width
}

// leaveOut leaves out columns until a row fits whose other columns have a width of at most most.
func (t *Table) leaveOut(widths []int, headings []string, most int) {
	for _, heading := range headings {
		if t.widthAt(widths, most) <= t.screen.width {
			return
		}
		if i := slices.IndexFunc(t.columns, func(c column) bool { return strings.TrimSpace(c.heading) == heading }); i >= 0 {
			widths[i] = 0
		}
	}
}

// cut makes the widest of some columns narrower until a row fits, or all have minColumn.
func (t *Table) cut(widths []int, may func(column) bool) {
	for excess := rowWidth(widths) - t.screen.width; excess > 0; excess-- {
		widest := -1
		for i, c := range t.columns {
			if may(c) && widths[i] > minColumn && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		widths[widest]--
	}
}

// widthAt returns the width of a row whose columns, but for the firm ones, are cut to most.
func (t *Table) widthAt(widths []int, most int) int {
	fair := slices.Clone(widths)
	for i, c := range t.columns {
		if !c.isFirm() {
			fair[i] = min(fair[i], most)
		}
	}
	return rowWidth(fair)
}

// rowWidth returns the width of a row, with the gaps.
func rowWidth(widths []int) int {
	width := -columnGap
	for _, w := range widths {
		if w > 0 {
			width += w + columnGap
		}
	}
	return width
}

// Cut shortens text to a number of cells of a terminal, between grapheme clusters.
func Cut(text string, width int) string {
	if uniseg.StringWidth(text) <= width {
		return text
	}
	var b strings.Builder
	used, state := 0, -1
	for rest := text; rest != ""; {
		var cluster string
		var cells int
		cluster, rest, cells, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if used+cells > width-1 {
			break
		}
		b.WriteString(cluster)
		used += cells
	}
	return b.String() + "…"
}

// fold breaks text at spaces into lines of the width; the lines after the first begin with the
// indent. If width is 0, the text stays one line.
func fold(text string, width int, indent string) string {
	if width == 0 || cellsOf(text) <= width {
		return text
	}
	return foldWords(strings.Split(text, " "), width, indent)
}

// foldWords is fold for text whose words are given.
func foldWords(words []string, width int, indent string) string {
	var b strings.Builder
	used := 0
	for i, word := range words {
		cells := cellsOf(word)
		switch {
		case i == 0:
		case used+1+cells > width && used > len(indent):
			b.WriteString("\n" + indent)
			used = len(indent)
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += cells
	}
	return b.String()
}

// CommandLine joins the quoted words of a command line. In a terminal where it does not fit, it is
// broken between words as a shell allows it, so that it can be copied. Each line begins with the
// indent.
func CommandLine(words []string, width int, indent string) string {
	line := indent + strings.Join(words, " ")
	if width == 0 || cellsOf(line) <= width {
		return line
	}
	var b strings.Builder
	used := 0
	for i, word := range words {
		cells := cellsOf(word)
		switch {
		case i == 0:
			b.WriteString(indent)
			used = len(indent)
		case used+1+cells+len(` \`) > width:
			b.WriteString(" \\\n" + indent + "  ")
			used = len(indent) + 2
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += cells
	}
	return b.String()
}

// cellsOf returns the width of text that may have colors.
func cellsOf(text string) int { return uniseg.StringWidth(colorCode.ReplaceAllString(text, "")) }

// colorCode is what paint writes before and after text.
var colorCode = regexp.MustCompile(`\x1b\[[0-9;]*m`)
