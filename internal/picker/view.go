package picker

import (
	"fmt"
	"strings"

	"github.com/mailstrata/mailstrata/internal/ui"
)

// Line is a line of the screen. Its text has the width of the screen. What a style says is in the
// text, too.
type Line struct {
	Text    string
	Reverse bool // the line under the cursor, and the title
	Bold    bool
}

// View returns the lines of the screen.
func (m *Model) View() []Line {
	if m.help {
		return m.viewHelp()
	}
	l := m.top()
	lines := []Line{{Text: m.title(), Reverse: true}}
	if l.list.IsText {
		for at := l.top; len(lines) < m.height-1; at++ {
			text := ""
			if at < len(l.wrapped) {
				text = l.wrapped[at]
			}
			lines = append(lines, Line{Text: fit(text, m.width, false)})
		}
		return append(lines, Line{Text: m.lastLine()})
	}
	lines = append(lines, Line{Text: m.row("  ", headings(l.list.Columns)), Bold: true})
	for at := l.top; len(lines) < m.height-1; at++ {
		lines = append(lines, m.viewRow(l, at))
	}
	return append(lines, Line{Text: m.lastLine()})
}

func (m *Model) viewRow(l *level, at int) Line {
	if at >= l.length() {
		text := ""
		if at == 0 {
			text = l.empty()
		}
		return Line{Text: fit(text, m.width, false)}
	}
	row, ok := l.cached[at]
	lead := []byte("  ")
	if at == l.cursor {
		lead[0] = '>'
	}
	if ok && row.Key != "" && m.marks[row.Key] != nil {
		lead[1] = '*'
	}
	if !ok {
		return Line{Text: fit(string(lead)+" …", m.width, false), Reverse: at == l.cursor}
	}
	return Line{Text: m.row(string(lead), row.Cells), Reverse: at == l.cursor, Bold: lead[1] == '*'}
}

// empty says why a list has no rows.
func (l *level) empty() string {
	switch {
	case l.failed != nil:
		return "  " + l.failed.Error()
	case l.list.Grow != nil && !l.grown:
		return "  searching …"
	}
	return "  nothing is here"
}

func headings(columns []Column) (cells []string) {
	for _, c := range columns {
		cells = append(cells, c.Heading)
	}
	return cells
}

// narrow is the width of a screen from which on columns are as wide as they want to be.
const narrow = 100

// row returns a row with its columns.
func (m *Model) row(lead string, cells []string) string {
	columns := m.top().list.Columns
	left, rests := m.width-2, 0
	for _, c := range columns {
		left -= m.columnWidth(c) + 1
		if c.Width == 0 {
			rests++
		}
	}
	var b strings.Builder
	b.WriteString(lead)
	for i, c := range columns {
		width := m.columnWidth(c)
		if c.Width == 0 {
			width = max(left/rests, 1)
		}
		text := ""
		if i < len(cells) {
			text = cells[i]
		}
		b.WriteByte(' ')
		b.WriteString(fit(text, width, c.Right))
	}
	return fit(b.String(), m.width, false)
}

func (m *Model) columnWidth(c Column) int {
	if m.width < narrow && c.Width > 16 {
		return max(16, c.Width*2/3)
	}
	return c.Width
}

// title returns the first line: the way to the list, and how many rows are marked.
func (m *Model) title() string {
	var names []string
	for _, l := range m.levels {
		names = append(names, l.list.Title)
	}
	marked := ""
	if n := len(m.marks); n > 0 {
		marked = fmt.Sprintf(" %s marked ", ui.Count(n))
	}
	way, room := strings.Join(names, " › "), m.width-len(marked)-1
	for len(names) > 1 && cellsOf(Clusters(clip(way, room))) > room {
		names = names[1:]
		way = "… › " + strings.Join(names, " › ")
	}
	return " " + fit(way, room, false) + marked
}

// lastLine returns the last line: what somebody writes, what happened, or where the cursor is and
// which keys there are.
func (m *Model) lastLine() string {
	l := m.top()
	switch {
	case m.prompt != nil:
		return fitEnd(m.prompt.label+string(m.prompt.text)+"_", m.width)
	case m.status != "":
		return fit(" "+strings.Join(strings.Fields(m.status), " "), m.width, false)
	case l.list.IsText:
		shown := min(l.top+m.rows(), l.length())
		return fit(fmt.Sprintf(" %s of %s lines   Esc back   r restore   q quit",
			ui.Count(shown), ui.Count(l.length())), m.width, false)
	}
	place := " 0"
	if n := l.length(); n > 0 {
		place = fmt.Sprintf(" %s of %s", ui.Count(l.cursor+1), ui.Count(n))
	}
	if l.list.Grow != nil && !l.grown {
		place += " so far"
	}
	keys := "Space mark  / search  r restore  ? help  q quit"
	if m.width >= narrow {
		keys = "Enter open  Esc back  " + keys
	}
	return fit(place+"   "+keys, m.width, false)
}

// viewHelp returns the screen with all keys.
func (m *Model) viewHelp() []Line {
	lines := []Line{{Text: fit(" Keys", m.width, false), Reverse: true}, {Text: fit("", m.width, false)}}
	for _, help := range [][2]string{
		{"Up, Down, k, j", "one row"},
		{"Page up, Page down", "one screen"},
		{"Home, End, g, G", "the first, the last row"},
		{"Enter, Right", "open a backup, a mailbox, a message"},
		{"Esc, Left, Backspace", "back"},
		{"/", "search sender, recipients and subject, not the text"},
		{"Space", "mark a message, a mailbox or a backup, or unmark it"},
		{"u", "take all marks away"},
		{"r", "restore what is marked: shows the command, and asks"},
		{"q, Ctrl-C", "quit"},
	} {
		if len(lines) < m.height-1 {
			lines = append(lines, Line{Text: fit(fmt.Sprintf("   %-22s %s", help[0], help[1]), m.width, false)})
		}
	}
	for len(lines) < m.height-1 {
		lines = append(lines, Line{Text: fit("", m.width, false)})
	}
	return append(lines, Line{Text: fit(" any key goes on", m.width, false)})
}
