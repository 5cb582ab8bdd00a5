package ui

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

// LineWriter takes the lines of standard error.
type LineWriter interface{ Line(text string) }

// console is standard error: lines of text, and, on a terminal, a progress line below them. It is
// safe for concurrent use.
type console struct {
	mu             sync.Mutex
	w              io.Writer
	pager          io.Writer // takes the lines while it shows results; may be nil
	screen         screen
	live           bool       // a terminal
	journal        bool       // the journal of systemd
	tail           LineWriter // gets each line too; may be nil
	quiet, verbose bool
	shown          bool // the progress line is on the screen
}

func newConsole(w io.Writer) *console { return &console{w: w, live: isTerminal(w)} }

// level is the priority of a line, as in syslog(3).
type level int

const (
	levelError   level = 3
	levelWarning level = 4
	levelInfo    level = 6
)

// line writes a whole line, above the progress line. In the journal, it begins with its priority
// (sd-daemon(3)).
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
	text = c.folded(text)
	if c.journal {
		text = fmt.Sprintf("<%d>%s", urgent, text)
	}
	_, _ = io.WriteString(w, text+"\n") // without standard error, there is no place to report it
}

// folded breaks lines at spaces, because a terminal breaks them within words. Lines that begin with
// a space are commands to copy, or aligned, and stay as they are. So does a command in a line, up
// to the next semicolon: a line break within would be copied with it.
func (c *console) folded(text string) string {
	if c.screen.width == 0 {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if !strings.HasPrefix(line, " ") {
			lines[i] = foldWords(unbroken(line, "mailstrata "), c.screen.width, "  ")
		}
	}
	return strings.Join(lines, "\n")
}

// unbroken returns the words of a line. A command and what follows it, up to a semicolon, are one
// word.
func unbroken(line, command string) (words []string) {
	for part := range strings.SplitAfterSeq(line, "; ") {
		part = strings.TrimSuffix(part, " ")
		at := strings.Index(" "+part, " "+command)
		if at < 0 {
			at = len(part)
		}
		if text := strings.TrimSuffix(part[:at], " "); text != "" {
			words = append(words, strings.Split(text, " ")...)
		}
		switch {
		case at == len(part):
		case len(words) == 1 && at > 0: // "hint:" is not left alone
			words[0] += " " + part[at:]
		default:
			words = append(words, part[at:])
		}
	}
	return words
}

// redirect writes lines among the results while a pager has the terminal.
func (c *console) redirect(pager io.Writer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live {
		c.pager = pager
	}
}

// divert writes lines to w until back is called.
func (c *console) divert(w io.Writer) (back func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.erase()
	before := c.w
	c.w = w
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.w = before
	}
}

// status replaces the progress line.
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
