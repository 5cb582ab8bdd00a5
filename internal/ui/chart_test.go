package ui

import (
	"bytes"
	"strings"
	"testing"

	"github.com/rivo/uniseg"
)

func charted(width int, locale string, bars []Bar) string {
	var b bytes.Buffer
	p := newTestOutput(&b, screen{width: width})
	p.getenv = func(name string) string { return map[string]string{"LANG": locale}[name] }
	p.Chart(bars)
	_ = p.Flush()
	return b.String()
}

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
