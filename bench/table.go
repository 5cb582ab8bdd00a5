package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mailstrata/mailstrata/bench/exchange"
)

// columns are those of a table of results. The first two are to the left, and a column in which
// nothing is does not appear.
var columns = []struct {
	name string
	cell func(r result, i int) string // of row i
}{
	{"", func(r result, i int) string {
		if i > 0 {
			return ""
		}
		return r.step
	}},
	{" ", func(r result, i int) string { return r.rows[i].who }},
	{"wall s", func(r result, i int) string {
		return fmt.Sprintf("%.2f", r.rows[i].median(wall)) + ofMailstrata(i, "%.2f", r.atMost())
	}},
	{"CPU s", func(r result, i int) string { return fmt.Sprintf("%.2f", r.rows[i].median(cpu)) }},
	{"peak MiB", func(r result, i int) string {
		return fmt.Sprintf("%.0f", r.rows[i].median(mib)) + ofMailstrata(i, "%.0f", float64(r.goals.peak))
	}},
	{"stored MB", func(r result, i int) string { return unlessZero("%.2f", r.rows[i].median(stored)) }},
	{"requests", passed("%.0f", requests)},
	{"chain", passed("%.0f", chained)},
	{"trips", passed("%.0f", trips)},
	{"read MB", passed("%.2f", read)},
	{"written MB", passed("%.2f", written)},
	{"wall ×", func(r result, i int) string {
		if i == 0 {
			return ""
		}
		return fmt.Sprintf("%.2f", r.ratio(r.rows[i], wall))
	}},
	{"goal", func(r result, i int) string {
		if r.rows[i].who == rawIMAP {
			return unlessZero("≤ %.2f", r.goals.raw)
		}
		return ofPeers(i, r.goals.wall)
	}},
	{"stored ×", func(r result, i int) string {
		if i != 1 {
			return ""
		}
		return unlessZero("%.2f", r.ratio(r.rows[i], stored))
	}},
	{"goal ", func(r result, i int) string { return ofPeers(i, r.goals.stored) }},
}

func unlessZero(format string, value float64) string {
	if value == 0 {
		return ""
	}
	return fmt.Sprintf(format, value)
}

// ofMailstrata is a goal behind a figure of mailstrata, which has the first row.
func ofMailstrata(i int, format string, goal float64) string {
	if i > 0 || goal == 0 {
		return ""
	}
	return fmt.Sprintf(" (≤ "+format+")", goal)
}

// ofPeers is a goal as a share of what the peers need, which have the second row.
func ofPeers(i int, goal float64) string {
	if i != 1 {
		return ""
	}
	return unlessZero("≤ %.2f", goal)
}

// passed is a cell with something that was recorded. A row without requests read from no store.
func passed(format string, f func(exchange.Summary) float64) func(r result, i int) string {
	return func(r result, i int) string { return unlessZero(format, r.rows[i].traffic(f)) }
}

// table writes results in Markdown, which a terminal shows as well.
func table(results []result) string {
	var rows [][]string
	used := make([]bool, len(columns))
	names := make([]string, len(columns))
	for at, c := range columns {
		names[at] = strings.TrimSpace(c.name)
	}
	rows = append(rows, names)
	for _, r := range results {
		for i := range r.rows {
			line := make([]string, len(columns))
			for at, c := range columns {
				line[at] = c.cell(r, i)
				used[at] = used[at] || line[at] != ""
			}
			rows = append(rows, line)
		}
	}
	for n := range rows {
		at := -1
		rows[n] = slices.DeleteFunc(rows[n], func(string) bool { at++; return !used[at] })
	}
	return markdown(rows, 2)
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
