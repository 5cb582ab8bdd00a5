package main

import (
	"fmt"
	"html"
	"strings"
)

// bar is a ratio of mailstrata to its peers, and what it is to be.
type bar struct {
	label       string
	ratio, goal float64
}

// bars are those of all steps: time first, then bytes stored.
func bars(results []result) (list []bar) {
	for _, r := range results {
		if len(r.rows) > 1 {
			list = append(list, bar{r.step, r.ratio(r.rows[1], wall), r.goals.wall})
		}
	}
	for _, r := range results {
		if len(r.rows) > 1 && r.goals.stored > 0 {
			list = append(list, bar{"bytes stored", r.ratio(r.rows[1], stored), r.goals.stored})
		}
	}
	return list
}

// Sizes in a chart.
const (
	chartLabels = 130 // left of the bars
	chartUnit   = 400 // a ratio of 1
	chartMost   = 1.15
	chartRow    = 24
	chartTop    = 40
)

// chart draws bars as SVG: the shorter, the better; the line is where the peers are, the ticks are
// goals. It has colors for a light page and a dark one.
func chart(title string, list []bar) string {
	var b strings.Builder
	width, height := chartLabels+int(chartUnit*chartMost)+50, chartTop+chartRow*len(list)+10
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">
<title>%s</title>
<style>
text { font: 12px sans-serif; fill: #333 } .bar { fill: #3b7dbd } .peers { stroke: #777 } .goal { stroke: #d2691e; stroke-width: 2 }
@media (prefers-color-scheme: dark) { text { fill: #ccc } .bar { fill: #5b9bd5 } .peers { stroke: #999 } .goal { stroke: #f0a060 } }
</style>
`, width, height, width, height, html.EscapeString(title))
	fmt.Fprintf(&b, "<text x=\"4\" y=\"16\">%s</text>\n", html.EscapeString(title))
	fmt.Fprintf(&b, "<text x=\"%d\" y=\"32\" text-anchor=\"middle\">mbsync, restic</text>\n", chartLabels+chartUnit)
	fmt.Fprintf(&b, "<line class=\"goal\" x1=\"%d\" y1=\"22\" x2=\"%d\" y2=\"34\"/>\n<text x=\"%d\" y=\"32\">goal</text>\n", chartLabels, chartLabels, chartLabels+6)
	for i, one := range list {
		y := chartTop + chartRow*i
		length := chartUnit * min(one.ratio, chartMost)
		fmt.Fprintf(&b, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n",
			chartLabels-8, y+14, html.EscapeString(one.label))
		fmt.Fprintf(&b, "<rect class=\"bar\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"16\"/>\n",
			chartLabels, y+2, length)
		fmt.Fprintf(&b, "<text x=\"%.1f\" y=\"%d\">%.2f</text>\n",
			chartLabels+max(length, chartUnit*one.goal)+6, y+14, one.ratio)
		if one.goal > 0 {
			x := chartLabels + chartUnit*one.goal
			fmt.Fprintf(&b, "<line class=\"goal\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>\n", x, y, x, y+20)
		}
	}
	x := chartLabels + chartUnit
	fmt.Fprintf(&b, "<line class=\"peers\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n</svg>\n",
		x, chartTop-2, x, height-8)
	return b.String()
}
