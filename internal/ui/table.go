package ui

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/rivo/uniseg"
)

// Table writes rows in columns. What it is given is made safe for a terminal. On one, the widest columns are cut so that
// a row stays on its line; elsewhere nothing is.
type Table struct {
	w       io.Writer
	screen  screen
	columns []column
	spare   []string // headings of the columns that go first where the terminal is narrow
	pending []tableRow
}

// column is what is known of a column until now: it does not get narrower further down.
type column struct {
	heading string
	width   int
	kept    bool // never cut, because the next command needs it
}

// isFirm reports whether the column is never cut: a part of a number or a time says nothing, and neither does a part of
// what is copied into the next command.
func (c column) isFirm() bool {
	if c.kept {
		return true
	}
	switch strings.TrimSpace(c.heading) {
	case "ID", "TIME", "AGE", "LAST GOOD", "DATE", "FIRST", "LAST", "UID", "SIZE", "NEW", "MESSAGES":
		return true
	}
	return false
}

// tableRow is a line of a table. Its last cell may have a colour.
type tableRow struct {
	cells []string
	color Color
}

func (o *Output) Table(headings ...string) *Table {
	t := &Table{w: o.buffer, screen: o.screen}
	for _, heading := range headings {
		t.columns = append(t.columns, column{heading: heading})
	}
	t.Row(headings...)
	return t
}

// Optional names the columns that are left out where the terminal is narrow, the first one first.
func (t *Table) Optional(headings ...string) *Table {
	t.spare = headings
	return t
}

// Whole names the columns that are never cut, although a row may then not fit on its line.
func (t *Table) Whole(headings ...string) *Table {
	for i := range t.columns {
		t.columns[i].kept = slices.Contains(headings, t.columns[i].heading)
	}
	return t
}

const (
	// rowsAtOnce is how many rows are laid out together: a listing of a million messages is written as it is made.
	rowsAtOnce = 1000
	// leastColumn is what is left of a column at least, however narrow the terminal is: less says nothing.
	leastColumn = 6
	// fairColumn is what a column that is cut should keep, before others are left out.
	fairColumn = 20
	// widestGap is to where a column is filled up where nothing is cut: one long name must not push all others away.
	widestGap = 60
	columnGap = 2
)

func (t *Table) Row(cells ...string) { t.ColoredRow(Plain, cells...) }

// ColoredRow writes a row whose last cell has a colour.
func (t *Table) ColoredRow(c Color, cells ...string) {
	for i, cell := range cells {
		cells[i] = Safe(cell)
		t.columns[i].width = max(t.columns[i].width, uniseg.StringWidth(cells[i]))
	}
	t.pending = append(t.pending, tableRow{cells, c})
	if len(t.pending) == rowsAtOnce {
		t.Flush()
	}
}

// Flush writes what was not written yet.
func (t *Table) Flush() {
	widths := t.fitted()
	for _, r := range t.pending {
		fmt.Fprintln(t.w, t.line(r, widths)) // as with printf
	}
	t.pending = t.pending[:0]
}

// line lays out a row. A column of width 0 is left out.
func (t *Table) line(r tableRow, widths []int) string {
	last := len(r.cells) - 1
	if r.cells[last] == "" {
		r.color = Plain
	}
	for last > 0 && (strings.TrimSpace(r.cells[last]) == "" || widths[last] == 0) {
		last--
	}
	var b strings.Builder
	for i, cell := range r.cells[:last+1] {
		if widths[i] == 0 {
			continue
		}
		if t.screen.width > 0 {
			cell = Cut(cell, widths[i])
		}
		if i == last {
			b.WriteString(t.screen.paint(r.color, strings.TrimRight(cell, " ")))
			break
		}
		b.WriteString(cell)
		b.WriteString(strings.Repeat(" ", max(0, widths[i]-uniseg.StringWidth(cell))+columnGap))
	}
	return b.String()
}

// fitted are the widths of the columns; 0: there is no room for it. On a terminal, columns are spared and the widest are
// cut until all fit.
func (t *Table) fitted() []int {
	widths := make([]int, len(t.columns))
	for i, c := range t.columns {
		widths[i] = c.width
		if t.screen.width == 0 {
			widths[i] = min(c.width, widestGap)
		}
	}
	if t.screen.width == 0 {
		return widths
	}
	for _, heading := range t.spare {
		if t.fairWidth(widths) <= t.screen.width {
			break
		}
		if i := slices.IndexFunc(t.columns, func(c column) bool { return strings.TrimSpace(c.heading) == heading }); i >= 0 {
			widths[i] = 0
		}
	}
	for excess := rowWidth(widths) - t.screen.width; excess > 0; excess-- {
		widest := -1
		for i, c := range t.columns {
			if !c.isFirm() && widths[i] > leastColumn && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
	}
	return widths
}

// fairWidth is how wide a row is if columns are cut, but not by too much.
func (t *Table) fairWidth(widths []int) int {
	fair := slices.Clone(widths)
	for i, c := range t.columns {
		if !c.isFirm() {
			fair[i] = min(fair[i], fairColumn)
		}
	}
	return rowWidth(fair)
}

// rowWidth is how wide a row is, with the gaps.
func rowWidth(widths []int) int {
	width := -columnGap
	for _, w := range widths {
		if w > 0 {
			width += w + columnGap
		}
	}
	return width
}

// Cut shortens text to so many cells of a terminal, between characters as people see them.
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

// fold breaks text at blanks into lines of the width; the lines after the first begin with the indent. 0: it stays one line.
func fold(text string, width int, indent string) string {
	if width == 0 || uniseg.StringWidth(text) <= width {
		return text
	}
	var b strings.Builder
	used := 0
	for i, word := range strings.Split(text, " ") {
		cells := uniseg.StringWidth(word)
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

// Facts writes names with their values, one a line.
func (o *Output) Facts(pairs ...string) {
	name := 0
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			name = max(name, len(pairs[i]))
		}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			line := fmt.Sprintf("%-*s  %s", name, pairs[i], Safe(pairs[i+1]))
			o.Printf("%s", fold(line, o.screen.width, strings.Repeat(" ", name+columnGap)))
		}
	}
}

// Folded writes text in a color, and folds it on a terminal; the lines after the first begin with the indent.
func (o *Output) Folded(c Color, text, indent string) {
	o.Printf("%s", o.screen.paint(c, fold(text, o.screen.width, indent)))
}

// Right aligns a number under its heading.
func Right(text, heading string) string { return fmt.Sprintf("%*s", len(heading), text) }

// Paragraphs writes a list under a heading, if there is anything in it.
func (o *Output) Paragraphs(c Color, heading string, lines []string) {
	if len(lines) == 0 {
		return
	}
	o.Printf("\n%s:", o.screen.paint(c, heading))
	for _, line := range lines {
		o.Folded(Plain, "  "+OneLine(line), "    ")
	}
}
