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

// widestBar is the maximum length of a bar.
const widestBar = 50

// Chart draws bars beside their numbers. A bar of more than 0 bytes is never empty.
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

// block returns the character that bars are made of. It is ASCII if the locale is not UTF-8.
func (o *Output) block() string {
	locale := strings.ToLower(cmp.Or(o.getenv("LC_ALL"), o.getenv("LC_CTYPE"), o.getenv("LANG")))
	if strings.HasSuffix(locale, "utf-8") || strings.HasSuffix(locale, "utf8") {
		return "█"
	}
	return "#"
}
