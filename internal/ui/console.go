package ui

import (
	"fmt"
	"io"
	"sync"
)

// LineWriter takes the lines of standard error.
type LineWriter interface{ Line(text string) }

// console is standard error: lines of text, and, on a terminal, one line below them that changes. It is safe for
// concurrent use.
type console struct {
	mu             sync.Mutex
	w              io.Writer
	pager          io.Writer // takes its place while results are read there; nil: none does
	screen         screen
	live           bool       // a terminal
	journal        bool       // systemd's
	tail           LineWriter // gets each line too; nil: nobody wants it
	quiet, verbose bool
	shown          bool // the changing line is there
}

func newConsole(w io.Writer) *console { return &console{w: w, live: isTerminal(w)} }

// level is how urgent a line is, as syslog(3) has it.
type level int

const (
	levelError   level = 3
	levelWarning level = 4
	levelInfo    level = 6
)

// line writes a whole line, above the changing one. The journal is told how urgent it is (sd-daemon(3)).
func (c *console) line(urgent level, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.erase()
	w := c.w
	if c.pager != nil {
		w = c.pager
	}
	if c.tail != nil {
		c.tail.Line(text)
	}
	if c.journal {
		text = fmt.Sprintf("<%d>%s", urgent, text)
	}
	_, _ = io.WriteString(w, text+"\n") // where standard error is gone, there is nobody to tell
}

// redirect puts lines among the results, where a pager has the terminal to itself.
func (c *console) redirect(pager io.Writer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live {
		c.pager = pager
	}
}

// status replaces the changing line.
func (c *console) status(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.erase()
	_, _ = io.WriteString(c.w, text)
	c.shown = true
}

func (c *console) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.erase()
}

func (c *console) erase() {
	if c.shown {
		_, _ = io.WriteString(c.w, "\r\x1b[K")
		c.shown = false
	}
}
