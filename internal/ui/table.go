package ui

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/rivo/uniseg"
)

// Table writes rows in columns. It makes all cells safe for a terminal. On a terminal, it cuts the widest columns so
// that a row fits on a line; elsewhere it cuts nothing.
type Table struct {
	w       io.Writer
	screen  screen
	columns []column
	spare   []string // headings of the columns to leave out first on a narrow terminal
	late    []string // and of those to leave out before others get narrower than narrowColumn
	pending []tableRow
}

// column is a column of the rows so far. It never gets narrower.
type column struct {
	heading string
	width   int
	kept    bool // cut last, because the next command needs it
	short   int  // the width to which it is cut without a mark; 0: it is not
}

// isFirm reports whether the column is not cut with the others. Part of a number or a time says nothing, and an id is
// copied into the next command.
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

// tableRow is a line of a table. Its last cell may have a color. A row without cells is text between rows.
type tableRow struct {
	cells []string
	color Color
	text  string
}

func (o *Output) Table(headings ...string) *Table {
	t := &Table{w: o.buffer, screen: o.screen}
	for _, heading := range headings {
		t.columns = append(t.columns, column{heading: heading})
	}
	t.Row(headings...)
	return t
}

// Optional names the columns to leave out on a narrow terminal, in this order.
func (t *Table) Optional(headings ...string) *Table {
	t.spare = headings
	return t
}

// Short says how many cells of a column suffice on a narrow terminal, such as those of the day in a date.
func (t *Table) Short(heading string, width int) *Table {
	for i := range t.columns {
		if t.columns[i].heading == heading {
			t.columns[i].short = width
		}
	}
	return t
}

// Late names the columns to leave out, in this order, if the others get narrow even without those of Optional.
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

const (
	// maxPending is the number of rows that are formatted together. A list of a million messages is written as it is
	// read.
	maxPending = 1000
	// minColumn is the minimum width of a column that is cut.
	minColumn = 6
	// fairColumn is the width that a column should keep before others are left out.
	fairColumn = 20
	// narrowColumn is the width that a column should keep before dates are cut and further columns are left out.
	narrowColumn = 12
	// maxPadding is the maximum width to which cells are padded if nothing is cut. One long name must not push all other
	// columns away.
	maxPadding = 60
	columnGap  = 2
)

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

// Below writes an indented line of text below the last row, with ranges of its bytes in bold. On a terminal it is cut.
func (t *Table) Below(text string, bold [][2]int) {
	const indent = "    "
	var b strings.Builder
	b.WriteString(indent)
	room := t.screen.width - len(indent)
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

// Flush writes the pending rows.
func (t *Table) Flush() {
	widths := t.fitted()
	for _, r := range t.pending {
		line := r.text
		if r.cells != nil {
			line = t.line(r, widths)
		}
		fmt.Fprintln(t.w, line) // see Printf
	}
	t.pending = t.pending[:0]
}

// line formats a row. It leaves out columns of width 0.
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
		switch short := t.columns[i].short; {
		case t.screen.width == 0:
		case widths[i] == short && len(cell) > short:
			cell = cell[:short] // it is a date
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

// fitted returns the widths of the columns; 0 leaves a column out. On a terminal, it leaves out optional columns, and
// cuts the widest ones until a row fits.
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
	t.leaveOut(widths, t.spare, fairColumn)
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

// fold breaks text at spaces into lines of the width; the lines after the first begin with the indent. If width is 0,
// the text stays one line.
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

// Folded writes text in a color, and folds it on a terminal; the lines after the first begin with the indent.
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
