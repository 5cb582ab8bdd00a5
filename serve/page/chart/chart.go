// Package chart draws the nights of an account as SVG, from numbers alone.
//
//	nights ──► columns: those of one slice of time become one     column.go
//	       ──► Area: how much there was on each night             chart.go
//	       ──► Changes: how much more or less than before         chart.go
//
// A drawing has no text and no size: a page stretches it to any width, and writes its labels beside
// it. Colors are those of classes in the style sheet of the page: area, line, more, less, bad,
// partial, hit. Each column is a link to its last night. Links are not in the order of the
// keyboard: a list of the nights, which is on the same page, is.
package chart

import (
	"fmt"
	"html"
	"html/template"
	"strings"
	"time"
)

// Night is a night in a drawing.
type Night struct {
	Time    time.Time
	Value   int64  // not negative
	Bad     bool   // with failures or alarms
	Partial bool   // not complete: its value does not count
	Address string // of its page
	Title   string // what is shown where the pointer is
}

// The size of the coordinates of a drawing.
const (
	width  = 1000.0
	height = 200.0
	top    = 12.0 // above the largest value, for marks
)

// Area returns a drawing of the values of nights, which ascend by time: an area from 0 to the
// largest value, and marks above nights that are bad or partial.
func Area(nights []Night) template.HTML {
	columns := columnsOf(nights)
	if len(columns) == 0 {
		return ""
	}
	most := int64(1)
	for _, c := range columns {
		most = max(most, c.value)
	}
	y := func(v int64) float64 { return height - (height-top)*float64(v)/float64(most) }
	var line strings.Builder
	last := -1.0
	for i, c := range columns {
		if i == 0 {
			fmt.Fprintf(&line, "M0 %.1f", y(c.value))
		} else {
			fmt.Fprintf(&line, "H%.1f", c.middle())
		}
		if now := y(c.value); now != last {
			fmt.Fprintf(&line, "V%.1f", now)
			last = now
		}
	}
	fmt.Fprintf(&line, "H%.0f", width)
	b := begin()
	fmt.Fprintf(b, `<path class="area" d="%sV%.0fH0Z"/><path class="line" d="%s"/>`, line.String(), height, line.String())
	marks(b, columns)
	return end(b, columns)
}

// Changes returns a drawing of how much the values of nights, which ascend by time, differ from
// those before: bars above and below a line.
func Changes(nights []Night) template.HTML {
	columns := columnsOf(nights)
	if len(columns) == 0 {
		return ""
	}
	var more, less int64
	for _, c := range columns {
		more, less = max(more, c.more), max(less, c.less)
	}
	scale := height / max(float64(more)+float64(less), 1)
	zero := float64(more) * scale
	b := begin()
	fmt.Fprintf(b, `<path class="line" d="M0 %.1fH%.0f"/>`, zero, width)
	for _, c := range columns {
		x, wide := c.bar()
		if c.more > 0 {
			size := max(scale*float64(c.more), 2)
			fmt.Fprintf(b, `<path class="more" d="M%.1f %.1fh%.1fv%.1fh-%.1fz"/>`, x, zero-size, wide, size, wide)
		}
		if c.less > 0 {
			size := max(scale*float64(c.less), 2)
			fmt.Fprintf(b, `<path class="less" d="M%.1f %.1fh%.1fv%.1fh-%.1fz"/>`, x, zero, wide, size, wide)
		}
	}
	return end(b, columns)
}

func begin() *strings.Builder {
	b := new(strings.Builder)
	fmt.Fprintf(b, `<svg viewBox="0 0 %.0f %.0f" preserveAspectRatio="none" aria-hidden="true" focusable="false">`, width, height)
	return b
}

// marks draws a mark above each column that is bad or partial.
func marks(b *strings.Builder, columns []column) {
	for _, c := range columns {
		class := "partial"
		if c.bad {
			class = "bad"
		} else if !c.partial {
			continue
		}
		x, wide := c.bar()
		fmt.Fprintf(b, `<path class="%s" d="M%.1f 0h%.1fv%.0fh-%.1fz"/>`, class, x, wide, top-4, wide)
	}
}

// end adds the links, and ends the drawing.
func end(b *strings.Builder, columns []column) template.HTML {
	for _, c := range columns {
		fmt.Fprintf(b, `<a href="%s" tabindex="-1"><path class="hit" d="M%.1f 0h%.1fv%.0fh-%.1fz"><title>%s</title></path></a>`,
			html.EscapeString(c.address), c.first, c.last-c.first, height, c.last-c.first, html.EscapeString(c.title))
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}
