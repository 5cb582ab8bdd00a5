package main

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// table writes results in Markdown, which a terminal shows as well.
func table(results []result) string {
	rows := [][]string{{"", "", "wall s", "CPU s", "peak MiB", "stored MB", "requests", "wall ×", "goal", "stored ×", "goal"}}
	for _, r := range results {
		for i, one := range r.rows {
			line := []string{
				"", one.who, fmt.Sprintf("%.2f", one.median(wall)), fmt.Sprintf("%.2f", one.median(cpu)), fmt.Sprintf("%.0f", one.median(mib)),
				"", "", "", "", "", "",
			}
			if bytes := one.median(stored); bytes > 0 {
				line[5] = fmt.Sprintf("%.2f", bytes)
			}
			if one.requests > 0 {
				line[6] = fmt.Sprint(one.requests)
			}
			switch i {
			case 0:
				line[0] = r.step
				if r.goals.peak > 0 {
					line[4] += fmt.Sprintf(" (≤ %d)", r.goals.peak)
				}
			case 1:
				line[8], line[10] = atMost(r.goals.wall), atMost(r.goals.stored)
				if x := r.ratio(one, stored); x > 0 {
					line[9] = fmt.Sprintf("%.2f", x)
				}
				fallthrough
			default:
				line[7] = fmt.Sprintf("%.2f", r.ratio(one, wall))
			}
			rows = append(rows, line)
		}
	}
	return markdown(rows, 2)
}

func atMost(goal float64) string {
	if goal == 0 {
		return ""
	}
	return fmt.Sprintf("≤ %.2f", goal)
}

// markdown aligns a table, its first columns to the left and the others to the right.
func markdown(rows [][]string, left int) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell), 3)
		}
	}
	var b strings.Builder
	for n, row := range rows {
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i < left {
				cell += pad
			} else {
				cell = pad + cell
			}
			b.WriteString("| " + cell + " ")
		}
		b.WriteString("|\n")
		if n > 0 {
			continue
		}
		for i, width := range widths {
			if i < left {
				b.WriteString("|" + strings.Repeat("-", width+2))
			} else {
				b.WriteString("|" + strings.Repeat("-", width+1) + ":")
			}
		}
		b.WriteString("|\n")
	}
	return b.String()
}
