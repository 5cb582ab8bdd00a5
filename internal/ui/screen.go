package ui

import (
	"io"
	"os"
	"strconv"

	"golang.org/x/term"
)

// screen is what is known of the place where text goes.
type screen struct {
	width   int  // in cells; 0: it is no terminal, and nothing is cut
	colored bool // colours are wanted, and understood
}

// usualWidth is that of a terminal that does not tell.
const usualWidth = 80

// lookAt finds out about w. Colours go by --color, by NO_COLOR (no-color.org), and by whether it is a terminal.
func lookAt(w io.Writer, color string, getenv func(string) string) screen {
	s := screen{colored: color == "always"}
	if !isTerminal(w) {
		return s
	}
	s.width = usualWidth
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

// Color is a meaning, as a terminal shows it.
type Color string

const (
	Plain      Color = ""
	Red        Color = "\x1b[31m" // failed, lost, shrunk
	Yellow     Color = "\x1b[33m" // to be looked at
	resetColor       = "\x1b[0m"
)

// paint gives text a colour where there are any.
func (s screen) paint(c Color, text string) string {
	if !s.colored || c == Plain || text == "" {
		return text
	}
	return string(c) + text + resetColor
}

// isTerminal reports whether somebody may be looking at w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
