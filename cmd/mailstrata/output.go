package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
)

// Results go to standard output: tables for people, JSON with --json. The names of JSON's fields are a promise
// (docs/json.md); a field may be added, none is renamed or removed. Times are RFC 3339, sizes are bytes, hashes hexadecimal.

// printJSON writes one document on a line of its own.
func (p *program) printJSON(document any) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		return err
	}
	_, err := p.out.Write(escapeJSON(b.Bytes()))
	return err
}

// escapeJSON writes what a terminal would obey as JSON's own escapes; encoding/json does so only below U+0020.
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

// printf writes a line of a result, for people.
func (p *program) printf(format string, args ...any) {
	fmt.Fprintf(p.out, format+"\n", args...) // an error stays with the Writer, and run finds it there
}

// note tells something beside the result.
func (p *program) note(format string, args ...any) {
	if !p.flags.Quiet {
		p.say(fmt.Sprintf(format, args...))
	}
}

// detail tells, with -v, what few want to know.
func (p *program) detail(format string, args ...any) {
	if p.console.verbose {
		p.note(format, args...)
	}
}

// warn tells what somebody should know of, also with -q.
func (p *program) warn(format string, args ...any) {
	p.tell(levelWarning, p.console.screen.paint(notice, "mailstrata:")+" "+fmt.Sprintf(format, args...))
}

// alarm warns of what may be a loss.
func (p *program) alarm(format string, args ...any) {
	p.tell(levelError, p.console.screen.paint(amiss, "mailstrata:")+" "+fmt.Sprintf(format, args...))
}

// say writes to standard error what comes after the results written so far, where both go to one place.
func (p *program) say(line string) { p.tell(levelInfo, line) }

func (p *program) tell(urgent level, line string) {
	_ = p.out.Flush() // as with printf
	p.console.line(urgent, line)
}

func count[N int | int64 | uint64 | uint32](n N) string { return humanize.Comma(int64(n)) }

// size is a number of bytes in units of 1,000.
func size(n int64) string { return humanize.Bytes(uint64(max(0, n))) }

// moment is a time as people here read it.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04")
}

// ago is how old something is: "3 days ago".
func ago(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return humanize.Time(t)
}

// ratio is a in terms of b: "0.31".
func ratio(a, b int64) string {
	if b == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", float64(a)/float64(b))
}
