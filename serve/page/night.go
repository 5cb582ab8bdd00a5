package page

import (
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/serve/view"
)

// nightPage is the mailboxes of a night.
type nightPage struct {
	page
	Time         time.Time
	ID           string
	Source       string
	Program      string
	Took         string
	Messages     int64
	Bytes        int64
	Alarms       []string
	Acknowledged bool // of the alarms
	Failures     []string
	MoreFailures int64
	Warnings     []string
	Mailboxes    []mailboxRow
	Collections  []collectionRow
	Newer, Older string // addresses
	Since        string // address of what changed since this night; empty: it is the latest
	Changed      string // address of what changed on this night; empty: it is the oldest
	Restore      string // command line
	Lost         string // address of what changed before an alarm; empty: there is none
	Missing      string // command line that restores what the complete night before had
}

// mailboxRow is a mailbox in a list.
type mailboxRow struct {
	Name    string // the last part
	Above   string // the parts above it
	Depth   int
	Address string // empty: it cannot have messages
	Use     string
	Known   bool // its numbers are known without its messages
	Count   int64
	Bytes   int64
	Remarks []string
}

// maxFailures is how many failures a page lists.
const maxFailures = 50

func (s *Server) night(w http.ResponseWriter, r *request) error {
	p, err := r.night()
	if err != nil {
		return err
	}
	m := p.history.Nights[p.index].Manifest
	n := nightPage{
		page: page{Title: nightName(p.history, p.index), Account: p.history.Account, Night: p.id(), Crumbs: crumbs(p)},
		Time: p.view.Night.Time, ID: hex.EncodeToString(p.view.Night.ID[:4]), Source: m.Source, Program: m.Program,
		Took: tookWords(m.End.Sub(m.Start)), Messages: m.Totals.Messages, Bytes: m.Totals.Bytes,
		Alarms: oneLines(m.Alarm), Warnings: oneLines(m.Warnings),
	}
	acknowledged, err := p.history.Acknowledged(r.Context())
	if err != nil {
		return err
	}
	n.Acknowledged = acknowledged[p.history.Nights[p.index].Head.Name]
	if m.State != manifest.Complete {
		n.Warnings = append(n.Warnings, "The backup did not end: this is what it had read until then.")
	}
	for _, f := range m.Failures[:min(len(m.Failures), maxFailures)] {
		n.Failures = append(n.Failures, failure(&f))
	}
	n.MoreFailures = m.Totals.Failures - int64(len(n.Failures))
	n.damaged(p.view.Damage...)
	if err := p.collections(r.Context(), &n); err != nil {
		return err
	}
	for _, m := range p.view.Mailboxes {
		n.Mailboxes = append(n.Mailboxes, p.row(m))
	}
	slices.SortStableFunc(n.Mailboxes, func(a, b mailboxRow) int { return rank(a) - rank(b) })
	if p.index > 0 {
		n.Newer = nightAddress(p.history, p.index-1)
	}
	if p.index+1 < len(p.history.Nights) {
		n.Older = nightAddress(p.history, p.index+1)
		n.Changed = betweenAddress("changes", p.history, p.index+1, p.index)
	}
	if latest := p.history.Latest(); latest >= 0 && p.index > latest {
		n.Since = betweenAddress("changes", p.history, p.index, latest)
	}
	if before := completeBefore(p.history, p.index); len(n.Alarms) > 0 && before >= 0 {
		n.Lost = betweenAddress("changes", p.history, before, p.index)
		n.Missing = command(p.history.Archive(), "restore",
			repoID(p.history.Nights[before].Head), "--missing-from", n.ID, "--to", back(p.history, p.index))
	}
	n.Restore = command(p.history.Archive(), "restore", n.ID, "--to", back(p.history, p.index))
	return s.show(w, "night", n)
}

// completeBefore returns the index of the complete night before another, or -1.
func completeBefore(h *view.History, i int) int {
	for i++; i < len(h.Nights); i++ {
		if h.Nights[i].Manifest.State == manifest.Complete {
			return i
		}
	}
	return -1
}

// tookWords returns how long a backup took.
func tookWords(d time.Duration) string {
	if d < time.Second {
		return "less than a second"
	}
	return d.Round(time.Second).String()
}

// rank sorts INBOX to the beginning.
func rank(m mailboxRow) int {
	if m.Name == "INBOX" && m.Depth == 0 {
		return 0
	}
	return 1
}

// failure returns why something could not be read.
func failure(f *manifest.Failure) string {
	text := f.Reason
	switch {
	case f.UID != 0:
		text = f.Mailbox + ", UID " + ui.Count(uint32(f.UID)) + ": " + text
	case f.Mailbox != "":
		text = f.Mailbox + ": " + text
	}
	return ui.OneLine(text)
}

// row returns a mailbox for a list.
func (p *place) row(m *view.Mailbox) mailboxRow {
	path := m.Archived.Path()
	row := mailboxRow{
		Name: path[len(path)-1], Above: strings.Join(path[:len(path)-1], " / "), Depth: len(path) - 1, Known: m.Selectable && !m.Archived.Label,
		Count: m.Archived.Messages, Bytes: m.Archived.Bytes,
	}
	if len(m.SpecialUse) > 0 {
		row.Use = strings.TrimPrefix(m.SpecialUse[0], `\`)
	}
	if m.Selectable {
		named := *p
		named.mailbox = m
		row.Address = named.address("mailbox")
	}
	switch {
	case !m.Selectable:
	case m.Archived.Label:
		row.Remarks = append(row.Remarks, "label")
	case m.Archived.Inherited:
		row.Remarks = append(row.Remarks, "could not be read: as in the backup before")
	case !m.Archived.Complete:
		row.Remarks = append(row.Remarks, "not complete")
	}
	return row
}

// back returns the target of restores that command lines name, for a night: the account that it is
// from. A directory stands for an account that is files, because nothing is restored into these.
func back(h *view.History, i int) string {
	source := ""
	if i >= 0 {
		source = h.Nights[i].Manifest.Source
	}
	if lower := strings.ToLower(source); strings.HasPrefix(lower, "imaps://") || strings.HasPrefix(lower, "imap://") {
		return source
	}
	return "maildir:DIR"
}
