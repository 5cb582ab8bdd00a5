package page

import (
	"cmp"
	"net/http"
	"slices"
)

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
	data := storagePage{page: page{Title: "Storage", Crumbs: []crumb{firstCrumb}}}
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
