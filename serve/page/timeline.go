package page

import (
	"fmt"
	"html/template"
	"time"

	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/serve/page/chart"
	"github.com/mailstrata/mailstrata/serve/view"
)

// figure is a drawing with its labels.
type figure struct {
	Name, Most string // what is drawn, and the largest value
	Drawing    template.HTML
	From, To   time.Time
	Legend     bool // the drawing has marks
	Changes    bool // it has bars for more and less
	Small      bool // it is above the list of nights
}

// figures returns the drawings of the nights of an account.
func figures(h *view.History, acknowledged map[string]bool) []figure {
	var messages, bytes []chart.Night
	marked := false
	for i := len(h.Nights) - 1; i >= 0; i-- {
		n := &h.Nights[i]
		t := &n.Manifest.Totals
		night := chart.Night{
			Time: n.Head.Time, Value: t.Messages, Bad: isBad(n.Manifest, acknowledged[n.Head.Name]), Partial: n.Manifest.State != manifest.Complete, Address: nightAddress(h, i),
			Title: fmt.Sprintf("%s: %s, %s", clock(n.Head.Time), ui.Plural(t.Messages, "message"), ui.Size(t.Bytes)),
		}
		marked = marked || night.Bad || night.Partial
		messages = append(messages, night)
		night.Value = t.Bytes
		bytes = append(bytes, night)
	}
	if len(messages) < 2 {
		return nil
	}
	from, to := messages[0].Time, messages[len(messages)-1].Time
	return []figure{
		{
			Name: "Messages", Most: ui.Count(most(messages)), Drawing: chart.Area(messages), From: from,
			To: to, Legend: marked, Small: true,
		},
		{
			Name: "More and fewer than the backup before", Drawing: chart.Changes(messages), From: from,
			To: to, Changes: true,
		},
		{Name: "Size", Most: ui.Size(most(bytes)), Drawing: chart.Area(bytes), From: from, To: to},
	}
}

func most(nights []chart.Night) (n int64) {
	for i := range nights {
		n = max(n, nights[i].Value)
	}
	return n
}

// copies returns what copies of all nights would take, in bytes.
func copies(h *view.History) (sum int64) {
	for i := range h.Nights {
		sum += h.Nights[i].Manifest.Totals.Bytes
	}
	return sum
}
