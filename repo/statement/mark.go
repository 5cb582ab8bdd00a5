package statement

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
)

// Mark says that manifests are to be forgotten: Manifest, and those of More. They ascend.
type Mark struct {
	Manifest []byte            `cbor:"1,keyasint"`
	Parent   []byte            `cbor:"2,keyasint,omitempty"`
	More     []MarkRow         `cbor:"3,keyasint,omitempty"`
	Erase    bool              `cbor:"4,keyasint,omitempty"`
	Ext      format.Extensions `cbor:"63,keyasint,omitempty"`
}

// MarkRow is one manifest of a mark.
type MarkRow struct {
	_        struct{} `cbor:",toarray"`
	Manifest []byte
	Parent   []byte // hash of the parent; empty, not null, if there is none
}

func (m *Mark) rows() []MarkRow {
	return append([]MarkRow{{Manifest: m.Manifest, Parent: m.Parent}}, m.More...)
}

// ParseMark parses the payload of a mark.
func ParseMark(payload []byte) (*Mark, error) {
	m := new(Mark)
	if err := format.Decode(payload, m); err != nil {
		return nil, err
	}
	rows := m.rows()
	for i, row := range rows {
		if _, _, _, ok := format.ParseManifestName(string(row.Manifest)); !ok {
			return nil, format.Damaged("%q is not the name of a manifest", row.Manifest)
		}
		if len(row.Parent) != 0 && len(row.Parent) != 32 || i > 0 && row.Parent == nil {
			return nil, format.Damaged("a parent of %d bytes", len(row.Parent))
		}
		if i > 0 && bytes.Compare(row.Manifest, rows[i-1].Manifest) <= 0 {
			return nil, format.Damaged("the manifests do not ascend")
		}
	}
	return m, nil
}

// Marked holds what all marks say about a manifest.
type Marked struct {
	Manifest string    // name of the manifest
	Parent   *[32]byte // hash of its parent, or nil
	Since    time.Time // when it was first marked, by the store's clock
	Erased   bool      // prune also rewrites packs, to delete what only this manifest needs

	Forgotten time.Time // as Since, by marks that do not erase; zero if there is no such mark
}

// Marks maps the name of each marked manifest to what the marks say about it.
type Marks map[string]Marked

// Add adds a mark that the store got at a time.
func (marks Marks) Add(m *Mark, at time.Time) {
	for _, row := range m.rows() {
		old, known := marks[string(row.Manifest)]
		marked := Marked{Manifest: string(row.Manifest), Since: at, Erased: m.Erase || old.Erased}
		if len(row.Parent) == 32 {
			parent := [32]byte(row.Parent)
			marked.Parent = &parent
		}
		if known && !at.Before(old.Since) {
			marked.Since = old.Since
			marked.Parent = cmp.Or(old.Parent, marked.Parent)
		}
		marked.Forgotten = old.Forgotten
		if !m.Erase && (old.Forgotten.IsZero() || at.Before(old.Forgotten)) {
			marked.Forgotten = at
		}
		marks[marked.Manifest] = marked
	}
}

// NewMarks returns marks of manifests, as few as possible. With erase, prune also deletes what only
// these manifests need.
func NewMarks(manifests []Marked, erase bool) (marks []Mark) {
	var rows []MarkRow
	for _, m := range manifests {
		row := MarkRow{Manifest: []byte(m.Manifest), Parent: []byte{}}
		if m.Parent != nil {
			row.Parent = m.Parent[:]
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b MarkRow) int { return bytes.Compare(a.Manifest, b.Manifest) })
	rows = slices.CompactFunc(rows, func(a, b MarkRow) bool { return bytes.Equal(a.Manifest, b.Manifest) })
	for part := range slices.Chunk(rows, marksTogether) {
		marks = append(marks, Mark{Manifest: part[0].Manifest, Parent: part[0].Parent, More: part[1:], Erase: erase})
	}
	return marks
}

// marksTogether is how many manifests one mark names.
const marksTogether = 4096
