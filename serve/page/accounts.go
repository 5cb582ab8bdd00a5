package page

import (
	"fmt"
	"net/http"
	"time"

	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/serve/view"
)

// accountsPage is the first page.
type accountsPage struct {
	page
	Accounts []accountRow
	Checks   []checkRow
}

// checkRow is when mail of a repository was last read by a rolling check.
type checkRow struct {
	Place   string // see view.Archive; empty if there is one repository
	Last    time.Time
	Share   string // that waits for longest; empty: there are no shares
	Damage  string // why Last is not known
	Command string // the command line that checks it
}

// accountRow is an account, and how it is doing.
type accountRow struct {
	Name     string
	Address  string
	Newest   time.Time
	LastGood time.Time
	Messages int64
	Bytes    int64
	Late     bool     // the last good night is older than it should be
	Remarks  []string // what is wrong with the newest night
}

// lateAfter is the age of a last good night after which something is wrong with the backups of most
// people.
const lateAfter = 48 * time.Hour

func (s *Server) accounts(w http.ResponseWriter, r *request) error {
	states, damage, err := s.o.Archives.States(r.Context())
	if err != nil {
		return err
	}
	p := accountsPage{page: page{Title: "Accounts"}, Checks: s.checks(r)}
	p.damaged(damage...)
	for _, state := range states {
		m := state.Newest.Manifest
		row := accountRow{
			Name: state.Name, Address: to("account", accountParam, state.Name), Newest: state.Newest.Head.Time, LastGood: state.LastGood,
			Messages: m.Totals.Messages, Bytes: m.Totals.Bytes, Late: time.Since(state.LastGood) > lateAfter, Remarks: troubles(m),
		}
		row.Remarks = append(row.Remarks, oneLines(state.AlarmTexts())...)
		row.Remarks = append(row.Remarks, oneLines(state.Lost)...)
		if len(state.Damage) > 0 {
			row.Remarks = append(row.Remarks, ui.Plural(len(state.Damage), "backup")+" that cannot be read")
		}
		p.Accounts = append(p.Accounts, row)
	}
	return s.show(w, "accounts", p)
}

// checks returns when each repository was last read.
func (s *Server) checks(r *request) (rows []checkRow) {
	all := s.o.Archives.Checks(r.Context())
	for _, c := range all {
		row := checkRow{Last: c.Last.Time, Command: command(c.Archive, "check", "--read-data-within", "30d")}
		if len(all) > 1 {
			row.Place = ui.Safe(c.Place)
		}
		if c.Last.Of > 1 {
			row.Share = fmt.Sprintf("%d/%d", c.Last.N, c.Last.Of)
		}
		if c.Err != nil {
			row.Damage = sentence(c.Err)
		}
		rows = append(rows, row)
	}
	return rows
}

// remarks returns what is wrong with a night, in a few words each.
func remarks(m *manifest.Manifest, acknowledged bool) (words []string) {
	words = troubles(m)
	switch {
	case acknowledged:
		words = append(words, "shrank (acknowledged)")
	case len(m.Alarm) > 0:
		words = append(words, "shrank")
	}
	return words
}

// troubles is remarks without alarms.
func troubles(m *manifest.Manifest) (words []string) {
	switch {
	case m.State != manifest.Complete:
		words = append(words, "not complete")
	case !m.Consistent:
		words = append(words, "changed while it was read")
	}
	if n := m.Totals.Failures; n > 0 {
		words = append(words, ui.Plural(n, "failure"))
	}
	if n := len(m.Warnings); n > 0 {
		words = append(words, ui.Plural(n, "warning"))
	}
	return words
}

// isBad reports whether a night has failures, or alarms that nobody has acknowledged.
func isBad(m *manifest.Manifest, acknowledged bool) bool {
	return m.Totals.Failures > 0 || len(m.Alarm) > 0 && !acknowledged
}

// maxLines is how many alarms or warnings are shown at once.
const maxLines = 3

// oneLines returns the first texts, and how many more there are.
func oneLines(texts []string) (lines []string) {
	for _, text := range texts[:min(len(texts), maxLines)] {
		lines = append(lines, ui.OneLine(text))
	}
	if more := len(texts) - maxLines; more > 0 {
		lines = append(lines, "and "+ui.Count(int64(more))+" more")
	}
	return lines
}

// accountPage is the nights of an account.
type accountPage struct {
	page
	Latest   string   // address of the latest complete night
	Timeline *figure  // above the nights
	Figures  []figure // below them
	Number   int64    // of nights
	Copies   int64    // bytes of copies of all nights
	Since    []nightOption
	Pager    pager
	Nights   []nightRow
}

// nightRow is a night in a list.
type nightRow struct {
	Address  string
	Time     time.Time
	ID       string // its beginning, if others are of the same day
	Messages int64
	Bytes    int64
	New      int64
	Remarks  []string
	Bad      bool
}

// nightsOnPage is how many nights a page lists.
const nightsOnPage = 60

func (s *Server) account(w http.ResponseWriter, r *request) error {
	h, err := r.history()
	if err != nil {
		return err
	}
	p := accountPage{page: page{Title: h.Account, Account: h.Account, Crumbs: []crumb{firstCrumb}}}
	p.damaged(h.Damage...)
	acknowledged, err := h.Acknowledged(r.Context())
	if err != nil {
		return err
	}
	p.Number, p.Copies = int64(len(h.Nights)), copies(h)
	if all := figures(h, acknowledged); r.number(pageParam) == 1 && len(all) > 0 {
		p.Timeline, p.Figures = &all[0], all[1:]
	}
	if i := h.Latest(); i >= 0 {
		p.Latest = nightAddress(h, i)
	}
	if i := usualBefore(h); i >= 0 {
		p.Since = nightOptions(h, i)
	}
	p.Pager = newPager(len(h.Nights), nightsOnPage, r.number(pageParam), func(n string) string {
		return to("account", accountParam, h.Account, pageParam, n)
	})
	for i := p.Pager.First; i < p.Pager.End; i++ {
		n := &h.Nights[i]
		id := ""
		if severalOn(h, i) {
			id = nightID(h, i)[:8]
		}
		p.Nights = append(p.Nights, nightRow{
			Address: nightAddress(h, i), Time: n.Head.Time, ID: id, Messages: n.Manifest.Totals.Messages, Bytes: n.Manifest.Totals.Bytes,
			New: n.Manifest.Totals.NewMessages, Remarks: remarks(n.Manifest, acknowledged[n.Head.Name]),
			Bad: isBad(n.Manifest, acknowledged[n.Head.Name]),
		})
	}
	return s.show(w, "account", p)
}

// nightAddress returns the address of the page of a night.
func nightAddress(h *view.History, i int) string {
	return to("night", accountParam, h.Account, nightParam, nightID(h, i))
}

// firstCrumb is the first page.
var firstCrumb = crumb{"Accounts", "./"}

// accountCrumbs returns the pages above one of an account that is of no one night.
func accountCrumbs(h *view.History) []crumb {
	return []crumb{firstCrumb, {h.Account, to("account", accountParam, h.Account)}}
}

// crumbs returns the pages above that of a night, or of a mailbox of it.
func crumbs(p *place) []crumb {
	all := accountCrumbs(p.history)
	if p.mailbox != nil {
		all = append(all, crumb{when(p.view.Night.Time), nightAddress(p.history, p.index)})
	}
	return all
}
