package page

import (
	"cmp"
	"fmt"
	"html/template"
	"net/http"
	"slices"
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

// storagePage is the space that repositories take.
type storagePage struct {
	page
	Stores []storeRow
}

// storeRow is a repository.
type storeRow struct {
	Place   string
	Bytes   int64
	Objects int64
	Kinds   []kindRow
}

// kindRow is a kind of objects.
type kindRow struct {
	Name    string
	Objects int64
	Bytes   int64
	Share   int // percent
}

// kindNames are what objects of a kind have.
var kindNames = map[string]string{
	"data": "Mail", "catalog": "Lists of the messages of each mailbox", "index": "Lists of where each piece of mail is stored",
	"manifest": "Records of the backups", "key": "Keys that open the archive", "config": "Settings of the archive",
	"mark": "Marks of backups to be forgotten", "condemnation": "Marks of what will be deleted", "note": "Tags of backups",
}

func (s *Server) storage(w http.ResponseWriter, r *request) error {
	all, err := s.o.Archives.Usage(r.Context())
	if err != nil {
		return err
	}
	data := storagePage{page: page{Title: "Storage", Crumbs: crumbs(nil)}}
	for _, u := range all {
		row := storeRow{Place: u.Place}
		for _, kind := range u.Usage {
			row.Bytes, row.Objects = row.Bytes+kind.Bytes, row.Objects+kind.Objects
		}
		for name, kind := range u.Usage {
			row.Kinds = append(row.Kinds, kindRow{
				cmp.Or(kindNames[string(name)], string(name)), kind.Objects, kind.Bytes,
				int(100 * kind.Bytes / max(row.Bytes, 1)),
			})
		}
		slices.SortFunc(row.Kinds, func(a, b kindRow) int { return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Name, b.Name)) })
		data.Stores = append(data.Stores, row)
	}
	return s.show(w, "storage", data)
}
