package main

import (
	"cmp"
	"fmt"
	"strings"
)

// bar is a line of a chart.
type bar struct {
	name  string
	bytes int64
}

// widestBar is how long the longest bar is at most.
const widestBar = 50

// chart draws bars beside their numbers, the longest as wide as there is room for. What is more than nothing is seen.
func (p *program) chart(bars []bar) {
	var most int64
	name := 0
	for _, b := range bars {
		most = max(most, b.bytes)
		name = max(name, len(b.name))
	}
	room := widestBar
	if p.screen.width > 0 {
		room = max(1, min(room, p.screen.width-name-2*columnGap-len("  123 MB")))
	}
	for _, b := range bars {
		cells := 0
		if b.bytes > 0 {
			cells = max(1, int(float64(b.bytes)/float64(most)*float64(room)+0.5))
		}
		line := fmt.Sprintf("%-*s  %8s  %s", name, b.name, size(b.bytes), strings.Repeat(p.block(), cells))
		p.printf("%s", strings.TrimRight(line, " "))
	}
}

// block is what bars are made of: where the locale is not of UTF-8, a character of ASCII.
func (p *program) block() string {
	locale := strings.ToLower(cmp.Or(p.getenv("LC_ALL"), p.getenv("LC_CTYPE"), p.getenv("LANG")))
	if strings.HasSuffix(locale, "utf-8") || strings.HasSuffix(locale, "utf8") {
		return "█"
	}
	return "#"
}
