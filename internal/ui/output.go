package ui

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
)

// Output is where one command writes: results to standard output, and notes, warnings, errors and
// progress to standard error. As an io.Writer, it takes results.
type Output struct {
	stdin   *os.File
	stdout  io.Writer
	getenv  func(string) string
	quit    func(error)   // ends the command whose pager was quit
	buffer  *bufio.Writer // over stdout
	screen  screen        // stdout
	pager   *pager        // between them; nil: none
	noPager bool
	console *console
}

// Settings are what the flags say about output.
type Settings struct {
	Quiet, Verbose, NoPager bool
	Color                   string // auto, always or never
}

// New returns an output without colors, columns or a pager; Configure adds these. quit ends the
// command if the user quits the pager.
func New(stdin *os.File, stdout, stderr io.Writer, getenv func(string) string, quit func(error)) *Output {
	o := &Output{
		stdin: stdin, stdout: stdout, getenv: getenv, quit: quit, buffer: bufio.NewWriter(stdout),
		console: newConsole(stderr),
	}
	o.console.journal = isJournal(stderr, getenv("JOURNAL_STREAM"))
	return o
}

// Discard returns an output that discards all.
func Discard() *Output {
	return New(nil, io.Discard, io.Discard, func(string) string { return "" }, func(error) {})
}

// Configure applies the flags.
func (o *Output) Configure(s Settings) {
	o.noPager = s.NoPager
	o.screen = screenOf(o.stdout, s.Color, o.getenv)
	o.console.quiet, o.console.verbose, o.console.screen = s.Quiet, s.Verbose, screenOf(o.console.w, s.Color, o.getenv)
}

// Width returns the cells of a line of the terminal that results go to, or 0 if they go elsewhere.
func (o *Output) Width() int { return o.screen.width }

// Write implements io.Writer.
func (o *Output) Write(text []byte) (int, error) { return o.buffer.Write(text) }

// Flush writes the results so far.
func (o *Output) Flush() error { return o.buffer.Flush() }

// Close writes all results, waits for the pager, and clears the progress line.
func (o *Output) Close() error {
	err := o.buffer.Flush()
	if o.pager != nil {
		o.pager.close()
	}
	o.console.clear()
	return err
}

// Divert writes the lines of standard error to w until back is called: a program has the whole
// screen meanwhile.
func (o *Output) Divert(w io.Writer) (back func()) { return o.console.divert(w) }

// Collect copies each line of standard error to the tail.
func (o *Output) Collect(tail LineWriter) { o.console.tail = tail }

// Trace writes a line of a protocol. Like NoteAside and WarnAside, and unlike the other methods, it
// is safe for concurrent use.
func (o *Output) Trace(line string) { o.console.line(levelInfo, line) }

// NoteAside is Note for any goroutine. It does not write the results so far first.
func (o *Output) NoteAside(format string, args ...any) {
	if !o.console.quiet {
		o.console.line(levelInfo, fmt.Sprintf(format, args...))
	}
}

// WarnAside is Warn for any goroutine. It does not write the results so far first.
func (o *Output) WarnAside(format string, args ...any) {
	o.console.line(levelWarning, o.warning(format, args...))
}

// PrintJSON writes a document on one line.
func (o *Output) PrintJSON(document any) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		return err
	}
	_, err := o.buffer.Write(escapeJSON(b.Bytes()))
	return err
}

// PrintLines writes documents as JSON, one a line.
func PrintLines[T any](o *Output, documents []T) error {
	for i := range documents {
		if err := o.PrintJSON(&documents[i]); err != nil {
			return err
		}
	}
	return nil
}

// escapeJSON writes control characters as JSON escapes, so that they do nothing to a terminal;
// encoding/json does so only below U+0020.
func escapeJSON(document []byte) []byte {
	escaped := make([]byte, 0, len(document))
	for len(document) > 0 {
		r, size := utf8.DecodeRune(document)
		switch {
		case r == '\n' || isHarmless(r):
			escaped = append(escaped, document[:size]...)
		case r > 0xffff:
			r -= 0x10000
			escaped = fmt.Appendf(escaped, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			escaped = fmt.Appendf(escaped, `\u%04x`, r)
		}
		document = document[size:]
	}
	return escaped
}

// Printf writes one line of a result.
func (o *Output) Printf(format string, args ...any) {
	fmt.Fprintf(o.buffer, format+"\n", args...) // bufio.Writer keeps the error, and Close returns it
}

// Note writes a line to standard error, except with -q.
func (o *Output) Note(format string, args ...any) {
	if !o.console.quiet {
		o.Say(fmt.Sprintf(format, args...))
	}
}

// NoteCommand is Note for a command line, given as quoted words, and what it is for. In a terminal
// where it does not fit into the line, it has lines of its own, which can be copied.
func (o *Output) NoteCommand(purpose string, words ...string) {
	line := purpose + ": " + strings.Join(words, " ")
	if width := o.console.screen.width; width > 0 && cellsOf(line) > width {
		line = purpose + ":\n" + CommandLine(words, width, "    ")
	}
	o.Note("%s", line)
}

// Detail writes a line to standard error with -v.
func (o *Output) Detail(format string, args ...any) {
	if o.console.verbose {
		o.Note(format, args...)
	}
}

// Warn writes a warning to standard error, also with -q.
func (o *Output) Warn(format string, args ...any) {
	o.write(levelWarning, o.warning(format, args...))
}

func (o *Output) warning(format string, args ...any) string {
	return o.console.screen.paint(Yellow, "mailstrata:") + " " + fmt.Sprintf(format, args...)
}

// Alarm reports an error or a possible loss of mail, also with -q.
func (o *Output) Alarm(format string, args ...any) {
	o.write(levelError, o.console.screen.paint(Red, "mailstrata:")+" "+fmt.Sprintf(format, args...))
}

// Say writes a line to standard error, after the results so far.
func (o *Output) Say(line string) { o.write(levelInfo, line) }

func (o *Output) write(urgent level, line string) {
	_ = o.buffer.Flush() // see Printf
	o.console.line(urgent, line)
}

// Count formats a number with commas between thousands.
func Count[N int | int64 | uint64 | uint32](n N) string { return humanize.Comma(int64(n)) }

// Size formats a number of bytes in units of 1,000.
func Size(n int64) string { return humanize.Bytes(uint64(max(0, n))) }

// Time formats a time in the local time zone, or returns "" for the zero time.
func Time(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04")
}

// CompareTimes orders times as Time shows them: those of one minute are equal. So rows with equal
// times can be in the order of their names.
func CompareTimes(a, b time.Time) int {
	return a.Truncate(time.Minute).Compare(b.Truncate(time.Minute))
}

// Ago returns the age of something: "3 days ago".
func Ago(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return humanize.Time(t)
}

// MaxRemarks is the number of warnings or failures that a command prints one by one.
const MaxRemarks = 10
