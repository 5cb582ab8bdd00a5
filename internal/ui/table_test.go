package ui

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/rivo/uniseg"
)

// newTestOutput returns an output to a buffer with the settings of a screen.
func newTestOutput(w io.Writer, s screen) *Output {
	o := New(nil, w, io.Discard, func(string) string { return "" }, func(error) {})
	o.screen = s
	return o
}

// rendered returns a table as it is written for a screen.
func rendered(s screen, rows ...[]string) string {
	var b bytes.Buffer
	p := newTestOutput(&b, s)
	t := p.Table(rows[0]...)
	for _, cells := range rows[1:] {
		t.ColoredRow(Red, cells...)
	}
	t.Flush()
	_ = p.Flush()
	return b.String()
}

var wideRows = [][]string{
	{"MAILBOX", "    SIZE", "FROM", "SUBJECT"},
	{"INBOX", "   12 kB", "Jo <jo@mail.example>", strings.Repeat("a long subject ", 20)},
	{"会議録/二〇二六年三月", "  232 kB", "会議室予約システム <noreply@mail.example>", "会議室の予約を確認しました。" + strings.Repeat("よろしく", 30)},
	{"👩‍💻 Code", "     1 B", "", "e\u0301te\u0301"},
	{"escape \x1b[2J", "     1 B", "", ""},
}

// A row never takes more than one line of a terminal, also with wide characters.
func TestTableFits(t *testing.T) {
	for width := 50; width < 300; width += 7 {
		for line := range strings.Lines(rendered(screen{width: width}, wideRows...)) {
			line = strings.TrimSuffix(line, "\n")
			if got := uniseg.StringWidth(line); got > width {
				t.Errorf("%d cells on a terminal of %d: %s", got, width, line)
			}
			if !isSafe(line) {
				t.Errorf("not safe: %q", line)
			}
		}
	}
}

// On a terminal of 60 cells, a date loses its time and a column is left out before the text gets
// too narrow to be read.
func TestTableOfMessagesFits(t *testing.T) {
	for _, width := range []int{60, 70, 80, 120} {
		var b bytes.Buffer
		p := newTestOutput(&b, screen{width: width})
		table := p.Table("ACCOUNT", "MAILBOX", "     UID", "DATE", "    SIZE", "FLAGS", "FROM", "SUBJECT").
			Optional("FLAGS", "SIZE").Whole("ACCOUNT", "MAILBOX").Short("DATE", 10).Late("ACCOUNT")
		table.Row("anna@mail.example", "Junk/2024", "      67", "2026-03-14 12:30 +0100", "   12 kB", `\Seen`, "Jo Schmidt <jo@mail.example>", strings.Repeat("subject ", 9))
		table.Flush()
		_ = p.Flush()
		for line := range strings.Lines(b.String()) {
			if got := uniseg.StringWidth(strings.TrimSuffix(line, "\n")); got > width {
				t.Errorf("%d cells on a terminal of %d: %s", got, width, line)
			}
		}
		for _, part := range []string{"Junk/2024 ", "2026-03-14", "Jo Schmidt", "subject"} {
			if !strings.Contains(b.String(), part) {
				t.Errorf("a terminal of %d shows no %q: %s", width, part, &b)
			}
		}
	}
}

// What does not fit beside the other columns goes below its row, and no word of it is lost.
func TestTableFolds(t *testing.T) {
	const remarks = "renamed from Archive/2024, 40% fewer, UIDVALIDITY changed: compared by content, incomplete"
	for _, width := range []int{40, 60, 80, 160, 0} {
		var b bytes.Buffer
		p := newTestOutput(&b, screen{width: width})
		table := p.Table("MAILBOX", "ADDED", "REMOVED", "MOVED IN", "MOVED OUT", "REMARKS").Folded().
			Numbers("ADDED", "REMOVED", "MOVED IN", "MOVED OUT").Optional("MOVED OUT", "MOVED IN")
		table.Row("Work/2026/Reports", " 1234", "  56789", "", "", "")
		table.Row("INBOX", "    1", "      2", "", "", remarks)
		table.Flush()
		_ = p.Flush()
		for line := range strings.Lines(b.String()) {
			if got := uniseg.StringWidth(strings.TrimSuffix(line, "\n")); width > 0 && got > width {
				t.Errorf("%d cells on a terminal of %d: %s", got, width, line)
			}
		}
		if words := strings.Join(strings.Fields(b.String()), " "); !strings.Contains(words, remarks) || !strings.Contains(words, "1234 56789") {
			t.Errorf("a terminal of %d shows:\n%s", width, &b)
		}
		if below := strings.Contains(b.String(), "\n    renamed"); below != (width > 0 && width < 160) {
			t.Errorf("a terminal of %d has the remarks below %v:\n%s", width, below, &b)
		}
	}
}

// What fits in some lines beside the other columns is folded there, aligned, and in its color. A
// text with a word that is longer than the room goes below its row, whole, and others stay.
func TestTableFoldsInPlace(t *testing.T) {
	const path = "/home/anna/.config/mailstrata/a-rather-long-name"
	for finding, want := range map[string]string{
		"nothing runs mailstrata by itself, such as a timer": "SUBJECT    FINDING\n" +
			"this host  \x1b[31mnothing runs mailstrata by itself,\x1b[0m\n" +
			"           \x1b[31msuch as a timer\x1b[0m\n",
		"there is no " + path: "SUBJECT    FINDING\nthis host\n    \x1b[31mthere is no\x1b[0m\n    \x1b[31m" + path + "\x1b[0m\n",
	} {
		var b bytes.Buffer
		p := newTestOutput(&b, screen{width: 46, colored: true})
		table := p.Table("SUBJECT", "FINDING").Folded()
		table.ColoredRow(Red, "this host", finding)
		table.Row("that host", "nothing, for a path above")
		table.Flush()
		_ = p.Flush()
		want += "that host  nothing, for a path above\n"
		if b.String() != want {
			t.Errorf("%q, want %q", b.String(), want)
		}
	}
}

// Columns begin at the same cell in all rows.
func TestTableAligns(t *testing.T) {
	lines := strings.Split(rendered(screen{width: 100}, wideRows...), "\n")
	want := strings.Index(lines[0], "    SIZE")
	for i, size := range []string{"   12 kB", "  232 kB", "     1 B"} {
		before, _, ok := strings.Cut(lines[i+1], size)
		if got := uniseg.StringWidth(before); !ok || got != want {
			t.Errorf("the size begins at cell %d, its heading at %d: %s", got, want, lines[i+1])
		}
	}
}

// Output to a pipe is not cut, and has no colors.
func TestTableIsNotCutInPipes(t *testing.T) {
	got := rendered(screen{}, wideRows...)
	for _, cells := range wideRows {
		for _, cell := range cells {
			if !strings.Contains(got, strings.TrimRight(Safe(cell), " ")) {
				t.Errorf("%q is not in the table", cell)
			}
		}
	}
	if strings.ContainsAny(got, "…\x1b") {
		t.Errorf("something was cut or colored:\n%s", got)
	}
}

func TestTableColors(t *testing.T) {
	got := rendered(screen{colored: true}, []string{"ID", "REMARKS"}, []string{"1", "shrank"}, []string{"2", ""})
	if want := "ID  REMARKS\n1   \x1b[31mshrank\x1b[0m\n2\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A text is cut to cells of a terminal, not to bytes, and never within a character.
func TestCut(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"subject", 7, "subject"},
		{"subject", 6, "subje…"},
		{"会議録", 6, "会議録"},
		{"会議録", 5, "会議…"},
		{"会議録", 4, "会…"},
		{"👩‍💻👩‍💻👩‍💻", 5, "👩‍💻👩‍💻…"},
		{"e\u0301e\u0301e\u0301", 2, "e\u0301…"},
	} {
		if got := Cut(c.text, c.width); got != c.want {
			t.Errorf("cut(%q, %d) = %q, want %q", c.text, c.width, got, c.want)
		}
	}
}

// Words are folded at the width of a terminal, and not at all without one.
func TestFold(t *testing.T) {
	if got, want := fold("parent  3f9a and some words more", 14, "  "), "parent  3f9a\n  and some\n  words more"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if long := strings.Repeat("word ", 50); fold(long, 0, "") != long {
		t.Error("folded where there is no terminal")
	}
}

func charted(width int, locale string, bars []Bar) string {
	var b bytes.Buffer
	p := newTestOutput(&b, screen{width: width})
	p.getenv = func(name string) string { return map[string]string{"LANG": locale}[name] }
	p.Chart(bars)
	_ = p.Flush()
	return b.String()
}

// Bars are in proportion, and no line is wider than the terminal.
func TestChart(t *testing.T) {
	bars := []Bar{{"whole", 1000}, {"half", 500}, {"little", 1}, {"nothing", 0}}
	want := "whole      1.0 kB  " + strings.Repeat("#", 50) + "\nhalf        500 B  " + strings.Repeat("#", 25) + "\nlittle        1 B  #\nnothing       0 B\n"
	if got := charted(0, "C", bars); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := charted(0, "de_DE.UTF-8", bars); got != strings.ReplaceAll(want, "#", "█") {
		t.Errorf("got\n%s", got)
	}
	for width := 30; width < 90; width += 5 {
		for line := range strings.Lines(charted(width, "en_US.utf8", bars)) {
			if uniseg.StringWidth(strings.TrimSuffix(line, "\n")) > width {
				t.Errorf("more than %d cells: %s", width, line)
			}
		}
	}
	charted(0, "", nil) // nothing to draw is no failure
}

// A command in a note can be copied: no line break is in it. What follows a semicolon is no
// command.
func TestCommandsAreNotFolded(t *testing.T) {
	for line, want := range map[string]string{
		"to restore it: mailstrata restore latest --mailbox 'All Mail' --to eml:x": "to restore it:\n  mailstrata restore latest --mailbox 'All Mail' --to eml:x",
		"what is lost can be restored: mailstrata ls":                              "what is lost can be\n  restored: mailstrata ls",
		"hint: mailstrata diff 4165ad28 fbc12076 shows it":                         "hint: mailstrata diff 4165ad28 fbc12076 shows it",
		"    XDG_STATE_HOME=/home/anna mailstrata run":                             "    XDG_STATE_HOME=/home/anna mailstrata run",
		"short: mailstrata list":                                                   "short: mailstrata list",
		"hint: mailstrata list; these are the accounts: anna, ben, carla":          "hint: mailstrata list;\n  these are the accounts:\n  anna, ben, carla",
		"hint: mailstrata ls 1; mailstrata --help":                                 "hint: mailstrata ls 1;\n  mailstrata --help",
	} {
		c := &console{screen: screen{width: 26}}
		if got := c.folded(line); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A terminal breaks long lines within words, so notes and warnings are folded for it. Colors take
// no cells. Elsewhere, and in reports, a line stays one.
func TestLinesAreFolded(t *testing.T) {
	for _, test := range []struct {
		screen screen
		want   string
	}{
		{screen{width: 24}, "mailstrata: nothing is\n  lost\n"},
		{screen{width: 24, colored: true}, "\x1b[33mmailstrata:\x1b[0m nothing is\n  lost\n"},
		{screen{}, "mailstrata: nothing is lost\n"},
	} {
		var b bytes.Buffer
		o := &Output{console: &console{w: &b, screen: test.screen}, buffer: bufio.NewWriter(io.Discard)}
		o.Warn("nothing is lost")
		if b.String() != test.want {
			t.Errorf("%q, want %q", b.String(), test.want)
		}
	}
}
