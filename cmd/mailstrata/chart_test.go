package main

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/rivo/uniseg"
)

func charted(width int, locale string, bars []bar) string {
	var b bytes.Buffer
	p := &program{out: bufio.NewWriter(&b), screen: screen{width: width}, getenv: func(name string) string {
		return map[string]string{"LANG": locale}[name]
	}}
	p.chart(bars)
	p.out.Flush()
	return b.String()
}

func TestChart(t *testing.T) {
	bars := []bar{{"whole", 1000}, {"half", 500}, {"little", 1}, {"nothing", 0}}
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

// However long the history, a chart has few lines, and they add up.
func TestPeriods(t *testing.T) {
	var days []dayUsage
	for year := 2000; year < 2026; year++ {
		for month := 1; month <= 12; month++ {
			days = append(days, dayUsage{Day: fmt.Sprintf("%d-%02d-01", year, month), ArchivedBytes: 1}, dayUsage{Day: fmt.Sprintf("%d-%02d-02", year, month), ArchivedBytes: 2})
		}
	}
	for _, c := range []struct {
		days, want int
		first      string
	}{{0, 0, ""}, {2, 2, "2000-01-01"}, {36, 36, "2000-01-01"}, {38, 19, "2000-01"}, {len(days), 26, "2000"}} {
		bars := periodsOf(days[:c.days])
		if len(bars) != c.want || c.want > 0 && bars[0].name != c.first {
			t.Errorf("%d days: %d bars", c.days, len(bars))
		}
		var sum int64
		for _, b := range bars {
			sum += b.bytes
		}
		if sum != int64(c.days/2*3) {
			t.Errorf("%d days: %d bytes", c.days, sum)
		}
	}
}
