package ui

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/rivo/uniseg"
)

// Table writes rows in columns. It makes all cells safe for a terminal. On a terminal, it cuts the
// widest columns so that a row fits on a line; elsewhere it cuts nothing.
type Table struct {
	w       io.Writer
	screen  screen
	columns []column
	spare   []string // headings of the columns to leave out first on a narrow terminal
	late    []string // and of those to leave out before others get narrower than narrowColumn
	folded  bool     // the last column is folded if it does not fit: in its place if there is room, or else below its row
	below   bool     // it goes below its row, from now on
	pending []tableRow
}

// column is a column of the rows so far. It never gets narrower.
type column struct {
	heading string
	width   int
	kept    bool // cut last, because the next command needs it
	number  bool // never cut
	short   int  // the width to which it is cut without a mark; 0: it is not
}

// isFirm reports whether the column is not cut with the others. Part of a number or a time says
// nothing, and an id is copied into the next command.
func (c column) isFirm() bool {
	if c.kept || c.number {
		return true
	}
	switch strings.TrimSpace(c.heading) {
	case "ID", "TIME", "AGE", "LAST GOOD", "DATE", "FIRST", "LAST", "UID", "SIZE", "NEW", "MESSAGES":
		return true
	}
	return false
}

// tableRow is a line of a table. Its last cell may have a color. A row without cells is text
// between rows.
type tableRow struct {
	cells   []string
	color   Color
	text    string
	heading bool
}

// Table begins a table with headings.
func (o *Output) Table(headings ...string) *Table {
	t := &Table{w: o.buffer, screen: o.screen}
	for _, heading := range headings {
		t.columns = append(t.columns, column{heading: heading})
	}
	t.Row(headings...)
	t.pending[0].heading = true
	return t
}

// Optional names the columns to leave out on a narrow terminal, in this order.
func (t *Table) Optional(headings ...string) *Table {
	t.spare = headings
	return t
}

// Short says how many cells of a column suffice on a narrow terminal, such as those of the day in a
// date.
func (t *Table) Short(heading string, width int) *Table {
	for i := range t.columns {
		if t.columns[i].heading == heading {
			t.columns[i].short = width
		}
	}
	return t
}

// Late names the columns to leave out, in this order, if the others get narrow even without those
// of Optional.
func (t *Table) Late(headings ...string) *Table {
	t.late = headings
	return t
}

// Whole names the columns that are cut only if a row does not fit on its line otherwise.
func (t *Table) Whole(headings ...string) *Table {
	for i := range t.columns {
		t.columns[i].kept = slices.Contains(headings, t.columns[i].heading)
	}
	return t
}

// Folded folds the last column on a terminal where it does not fit beside the others, instead of
// cutting it. It stays in its place if there is room for it, and otherwise goes below its row. So
// does a cell with a word for which there is no room.
func (t *Table) Folded() *Table {
	t.folded = true
	return t
}

// Numbers says that the cells of some columns are numbers, of which a part says nothing. They are
// not cut.
func (t *Table) Numbers(headings ...string) *Table {
	for i := range t.columns {
		if slices.Contains(headings, strings.TrimSpace(t.columns[i].heading)) {
			t.columns[i].number = true
		}
	}
	return t
}

const (
	// maxPending is the number of rows that are formatted together. A list of a million messages is
	// written as it is read.
	maxPending = 1000
	// minColumn is the minimum width of a column that is cut.
	minColumn = 6
	// fairColumn is the width that a column should keep before others are left out.
	fairColumn = 20
	// foldColumn is the width in which text is folded beside the other columns. In less it would
	// have many short lines, so it goes below them.
	foldColumn = 30
	// narrowColumn is the width that a column should keep before dates are cut and further columns
	// are left out.
	narrowColumn = 12
	// maxPadding is the maximum width to which cells are padded if nothing is cut. One long name
	// must not push all other columns away.
	maxPadding = 60
	columnGap  = 2
)

// Row writes a row.
func (t *Table) Row(cells ...string) { t.ColoredRow(Plain, cells...) }

// ColoredRow writes a row whose last cell has a color.
func (t *Table) ColoredRow(c Color, cells ...string) {
	for i, cell := range cells {
		cells[i] = Safe(cell)
		t.columns[i].width = max(t.columns[i].width, uniseg.StringWidth(cells[i]))
	}
	t.pending = append(t.pending, tableRow{cells: cells, color: c})
	if len(t.pending) == maxPending {
		t.Flush()
	}
}

// Below writes indented text below the last row, with ranges of its bytes in bold. On a terminal,
// text with such ranges is cut, and other text is folded.
func (t *Table) Below(text string, bold [][2]int) {
	if len(bold) == 0 {
		t.pending = append(t.pending, tableRow{text: fold(belowIndent+Safe(text), t.screen.width, belowIndent)})
		return
	}
	var b strings.Builder
	b.WriteString(belowIndent)
	room := t.screen.width - len(belowIndent)
	add := func(c Color, piece string) {
		piece = Safe(piece)
		if t.screen.width > 0 {
			if piece = Cut(piece, max(room, 1)); room <= 0 {
				return
			}
			room -= uniseg.StringWidth(piece)
		}
		b.WriteString(t.screen.paint(c, piece))
	}
	at := 0
	for _, r := range bold {
		add(Plain, text[at:r[0]])
		add(Bold, text[r[0]:r[1]])
		at = r[1]
	}
	add(Plain, text[at:])
	t.pending = append(t.pending, tableRow{text: b.String()})
}

const belowIndent = "    "

// paragraph writes indented text in a color, folded on a terminal.
func (t *Table) paragraph(c Color, text string) {
	lines := fold(belowIndent+text, t.screen.width, belowIndent)
	for line := range strings.SplitSeq(lines, "\n") {
		fmt.Fprintln(t.w, belowIndent+t.screen.paint(c, strings.TrimPrefix(line, belowIndent)))
	}
}

// Flush writes the pending rows.
func (t *Table) Flush() {
	widths := t.fitted()
	for _, r := range t.pending {
		line, below := r.text, ""
		if r.cells != nil {
			below = t.takeBelow(r, widths)
			line = t.line(r, widths)
		}
		fmt.Fprintln(t.w, line) // see Printf
		if below != "" {
			t.paragraph(r.color, below)
		}
	}
	t.pending = t.pending[:0]
}

// takeBelow takes the last cell out of a row if it goes below the row: all do, or it has a word
// that is too long for its column, such as a path.
func (t *Table) takeBelow(r tableRow, widths []int) (text string) {
	last := len(r.cells) - 1
	text = r.cells[last]
	if r.heading || !t.folded || t.screen.width == 0 || !t.below && longestWord(text) <= widths[last] {
		return ""
	}
	r.cells[last] = ""
	return text
}

// line formats a row. It leaves out columns of width 0.
func (t *Table) line(r tableRow, widths []int) string {
	last := len(r.cells) - 1
	if r.cells[last] == "" || widths[last] == 0 {
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
		switch short := t.columns[i].short; {
		case t.screen.width == 0:
		case widths[i] == short && len(cell) > short:
			cell = cell[:short] // it is a date
		case t.folded && i == len(r.cells)-1:
			indent := "\n" + strings.Repeat(" ", rowWidth(widths[:i])+columnGap)
			for n, part := range strings.Split(fold(cell, widths[i], ""), "\n") {
				if n > 0 {
					b.WriteString(indent)
				}
				b.WriteString(t.screen.paint(r.color, strings.TrimRight(part, " ")))
			}
			return b.String()
		default:
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

// Facts writes names with their values, one pair a line, except those with an empty value.
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

// Folded writes text in a color, and folds it on a terminal; the lines after the first begin with
// the indent.
func (o *Output) Folded(c Color, text, indent string) {
	o.Printf("%s", o.screen.paint(c, fold(text, o.screen.width, indent)))
}

// Right aligns a number under its heading.
func Right(text, heading string) string { return fmt.Sprintf("%*s", len(heading), text) }

// Paragraphs writes a list under a heading, unless it is empty.
func (o *Output) Paragraphs(c Color, heading string, lines []string) {
	if len(lines) == 0 {
		return
	}
	o.Printf("\n%s:", o.screen.paint(c, heading))
	for _, line := range lines {
		o.Folded(Plain, "  "+OneLine(line), "    ")
	}
}

// Bar is a line of a chart.
type Bar struct {
	Name  string
	Bytes int64
}

// maxBar is the maximum length of a bar.
const maxBar = 50

// Chart draws bars beside their numbers. A bar of more than 0 bytes is never empty.
func (o *Output) Chart(bars []Bar) {
	var most int64
	name := 0
	for _, b := range bars {
		most = max(most, b.Bytes)
		name = max(name, len(b.Name))
	}
	room := maxBar
	if o.screen.width > 0 {
		room = max(1, min(room, o.screen.width-name-2*columnGap-len("  123 MB")))
	}
	for _, b := range bars {
		cells := 0
		if b.Bytes > 0 {
			cells = max(1, int(float64(b.Bytes)/float64(most)*float64(room)+0.5))
		}
		line := fmt.Sprintf("%-*s  %8s  %s", name, b.Name, Size(b.Bytes), strings.Repeat(o.block(), cells))
		o.Printf("%s", strings.TrimRight(line, " "))
	}
}

// block returns the character that bars are made of. It is ASCII if the locale is not UTF-8.
func (o *Output) block() string {
	locale := strings.ToLower(cmp.Or(o.getenv("LC_ALL"), o.getenv("LC_CTYPE"), o.getenv("LANG")))
	if strings.HasSuffix(locale, "utf-8") || strings.HasSuffix(locale, "utf8") {
		return "█"
	}
	return "#"
}
