package main

import "fmt"

// fleetTable writes rows in Markdown.
func fleetTable(rows []fleetRow) string {
	lines := [][]string{{"", "wall s", "CPU s", "peak MiB", "requests", "an account", "LIST", "GET", "PUT", "HEAD", "read MB", "objects", "KB put", "bytes an account"}}
	for _, r := range rows {
		objects, bytes := r.put()
		line := []string{
			r.what, fmt.Sprintf("%.1f", wall(r.usage)), fmt.Sprintf("%.1f", cpu(r.usage)), fmt.Sprintf("%.0f", mib(r.usage)),
			fmt.Sprint(r.traffic.requests()), fmt.Sprintf("%.2f", float64(r.traffic.requests())/float64(r.accounts)),
		}
		for _, method := range []string{"LIST", "GET", "PUT", "HEAD"} {
			line = append(line, fmt.Sprint(r.methods[method]))
		}
		lines = append(lines, append(line, fmt.Sprintf("%.1f", float64(r.read)/1e6),
			fmt.Sprint(objects), fmt.Sprintf("%.0f", float64(bytes)/1e3), fmt.Sprint(bytes/int64(r.accounts))))
	}
	return markdown(lines, 1)
}
