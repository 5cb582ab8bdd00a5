package ui

import (
	"io"
	"os"
	"strconv"

	"golang.org/x/term"
)

// screen describes where text goes.
type screen struct {
	width   int  // in cells; 0: not a terminal, so nothing is cut
	colored bool // write colors
}

// defaultWidth is the width of a terminal that does not report it.
const defaultWidth = 80

// screenOf returns the screen of w. Colors depend on --color, on NO_COLOR (no-color.org), and on
// whether w is a terminal.
func screenOf(w io.Writer, color string, getenv func(string) string) screen {
	s := screen{colored: color == "always"}
	if !isTerminal(w) {
		return s
	}
	s.width = defaultWidth
	if columns, _, err := term.GetSize(int(w.(*os.File).Fd())); err == nil && columns > 0 {
		s.width = columns
	}
	if columns, err := strconv.Atoi(getenv("COLUMNS")); err == nil && columns > 0 {
		s.width = columns
	}
	if color != "never" && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb" {
		s.colored = true
	}
	return s
}

// Color is an escape sequence of a terminal.
type Color string

const (
	Plain      Color = ""
	Red        Color = "\x1b[31m" // failed, lost, shrunk
	Yellow     Color = "\x1b[33m" // needs attention
	Bold       Color = "\x1b[1m"  // what was searched for
	resetColor       = "\x1b[0m"
)

// paint returns text in a color, if the screen has colors.
func (s screen) paint(c Color, text string) string {
	if !s.colored || c == Plain || text == "" {
		return text
	}
	return string(c) + text + resetColor
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
