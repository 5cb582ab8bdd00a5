package ui

import (
	"cmp"
	"fmt"
	"strings"
)

// Bar is a line of a chart.
type Bar struct {
	Name  string
	Bytes int64
}

// widestBar is how long the longest bar is at most.
const widestBar = 50

// Chart draws bars beside their numbers, the longest as wide as there is room for. What is more than nothing is seen.
func (o *Output) Chart(bars []Bar) {
	var most int64
	name := 0
	for _, b := range bars {
		most = max(most, b.Bytes)
		name = max(name, len(b.Name))
	}
	room := widestBar
	if o.screen.width > 0 {
		room = max(1, min(room, o.screen.width-name-2*columnGap-len("  123 MB")))
	}
	for _, b := range bars {
		cells := 0
		if b.Bytes > 0 {
			cells = max(1, int(float64(b.Bytes)/float64(most)*float64(room)+0.5))
		}
		line := fmt.Sprintf("%-*s  %8s  %s", name, b.Name, Size(b.Bytes), strings.Repeat(o.block(), cells))
		o.Printf("%s", strings.TrimRight(line, " "))
	}
}

// block is what bars are made of: where the locale is not of UTF-8, a character of ASCII.
func (o *Output) block() string {
	locale := strings.ToLower(cmp.Or(o.getenv("LC_ALL"), o.getenv("LC_CTYPE"), o.getenv("LANG")))
	if strings.HasSuffix(locale, "utf-8") || strings.HasSuffix(locale, "utf8") {
		return "█"
	}
	return "#"
}
