package main

import (
	"io"
	"os"
	"strconv"

	"golang.org/x/term"
)

// screen is what is known of the place where text goes.
type screen struct {
	width    int  // in cells; 0: it is no terminal, and nothing is cut
	coloured bool // colours are wanted, and understood
}

// usualWidth is that of a terminal that does not tell.
const usualWidth = 80

// look finds out about w. Colours go by --color, by NO_COLOR (no-color.org), and by whether it is a terminal.
func (p *program) look(w io.Writer) screen {
	s := screen{coloured: p.flags.Color == "always"}
	if !isTerminal(w) {
		return s
	}
	s.width = usualWidth
	if columns, _, err := term.GetSize(int(w.(*os.File).Fd())); err == nil && columns > 0 {
		s.width = columns
	}
	if columns, err := strconv.Atoi(p.getenv("COLUMNS")); err == nil && columns > 0 {
		s.width = columns
	}
	if p.flags.Color != "never" && p.getenv("NO_COLOR") == "" && p.getenv("TERM") != "dumb" {
		s.coloured = true
	}
	return s
}

// colour is a meaning, as a terminal shows it.
type colour string

const (
	plain  colour = ""
	amiss  colour = "\x1b[31m" // failed, lost, shrunk
	notice colour = "\x1b[33m" // to be looked at
	normal        = "\x1b[0m"
)

// paint gives text a colour where there are any.
func (s screen) paint(c colour, text string) string {
	if !s.coloured || c == plain || text == "" {
		return text
	}
	return string(c) + text + normal
}

// isTerminal reports whether somebody may be looking at w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
