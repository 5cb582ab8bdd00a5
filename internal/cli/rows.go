package cli

import "github.com/mailstrata/mailstrata/internal/ui"

// PrintRows prints rows as a table, or as JSON.
func PrintRows[T any](p *Program, rows []T, headings []string, cells func(T) []string) error {
	if p.JSON {
		return ui.PrintLines(p.Output, rows)
	}
	t := p.Table(headings...).Folded()
	for _, row := range rows {
		t.Row(cells(row)...)
	}
	t.Flush()
	return nil
}
