package main

import "fmt"

// fleetTable writes rows in Markdown.
func fleetTable(rows []fleetRow) string {
	lines := [][]string{{"", "wall s", "CPU s", "peak MiB",
		"requests", "chain", "an account", "LIST", "GET", "PUT", "HEAD", "read MB", "KB put", "bytes an account"}}
	for _, r := range rows {
		line := []string{
			r.what, fmt.Sprintf("%.1f", wall(r.usage)), fmt.Sprintf("%.1f", cpu(r.usage)), fmt.Sprintf("%.0f", mib(r.usage)),
			fmt.Sprint(r.Requests), unlessZero("%.0f", float64(r.Chain)), fmt.Sprintf("%.2f", float64(r.Requests)/float64(r.accounts)),
			fmt.Sprint(r.List), fmt.Sprint(r.Get), fmt.Sprint(r.Put), fmt.Sprint(r.Head),
		}
		lines = append(lines, append(line, fmt.Sprintf("%.1f", float64(r.Read)/1e6),
			fmt.Sprintf("%.0f", float64(r.Written)/1e3), fmt.Sprint(r.Written/int64(r.accounts))))
	}
	return markdown(lines, 1)
}
