package main

import "github.com/mailstrata/mailstrata/internal/ui"

// show prints rows as a table, or as JSON.
func show[T any](p *program, rows []T, headings []string, cells func(T) []string) error {
	if p.json {
		return ui.PrintLines(p.Output, rows)
	}
	t := p.Table(headings...)
	for _, row := range rows {
		t.Row(cells(row)...)
	}
	t.Flush()
	return nil
}
