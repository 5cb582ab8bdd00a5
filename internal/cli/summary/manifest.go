package summary

import (
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Manifest is a manifest as JSON.
type Manifest struct {
	ID           string    `json:"id"`
	Account      string    `json:"account"`
	Time         time.Time `json:"time"`              // when it was committed, by the store's clock
	Stored       time.Time `json:"stored,omitzero"`   // when the store got the object
	Belated      bool      `json:"belated,omitempty"` // long after its time, and after another of the account that came in time
	Lost         []string  `json:"lost,omitempty"`    // losses since the one before it that have no alarm
	Start        time.Time `json:"start"`
	End          time.Time `json:"end"`
	Source       string    `json:"source"`
	State        string    `json:"state"`      // complete or checkpoint
	Consistent   bool      `json:"consistent"` // proven to be the state of the account at one instant
	Mailboxes    int64     `json:"mailboxes"`
	Messages     int64     `json:"messages"`
	Bytes        int64     `json:"bytes"`
	NewMessages  int64     `json:"new_messages"`
	NewBytes     int64     `json:"new_bytes"`
	ByID         int64     `json:"by_id_messages"` // not downloaded, but taken from archived messages with the same ids
	ByIDBytes    int64     `json:"by_id_bytes"`
	Erased       int64     `json:"erased_messages,omitempty"`
	Items        uint64    `json:"items,omitempty"`     // scripts, events and contacts
	NewItems     uint64    `json:"new_items,omitempty"` // of these, read in this run
	Sources      []Source  `json:"sources,omitempty"`   // if there are others than mail
	Failures     int64     `json:"failures"`            // messages, or whole mailboxes, that could not be read
	Warnings     int       `json:"warnings"`
	Alarms       int       `json:"alarms"`                 // what shrank or changed suspiciously
	Acknowledged bool      `json:"acknowledged,omitempty"` // somebody saw the alarms
	Parent       string    `json:"parent,omitempty"`
	Program      string    `json:"program"`
}

// OfManifest returns a manifest as JSON.
func OfManifest(head repo.Head, m *manifest.Manifest) Manifest {
	s := Manifest{
		ID: ID(head), Account: m.Account, Time: head.Time.UTC(), Stored: head.Stored.UTC(), Start: m.Start.UTC().Truncate(time.Millisecond), End: m.End.UTC().Truncate(time.Millisecond), Source: m.Source,
		State: m.State.String(), Consistent: m.Consistent,
		Mailboxes: m.Totals.Mailboxes, Messages: m.Totals.Messages, Bytes: m.Totals.Bytes,
		NewMessages: m.Totals.NewMessages, NewBytes: m.Totals.NewBytes,
		ByID: m.Totals.TakenMessages, ByIDBytes: m.Totals.TakenBytes, Erased: m.Totals.Erased,
		Items: m.ItemTotals.Items, NewItems: m.ItemTotals.NewItems,
		Sources: OfSources(m), Failures: m.Totals.Failures, Warnings: len(m.Warnings), Alarms: len(m.Alarm),
		Program: m.Program,
	}
	if m.Parent != [32]byte{} {
		s.Parent = hex.EncodeToString(m.Parent[:])
	}
	return s
}

// Remarks returns what is wrong with the manifest, in a few words.
func (s *Manifest) Remarks() string {
	var words []string
	if s.State != manifest.Complete.String() {
		words = append(words, s.State)
	}
	if !s.Consistent && s.State == manifest.Complete.String() {
		words = append(words, "not consistent")
	}
	if s.Failures > 0 {
		words = append(words, ui.Plural(s.Failures, "failure"))
	}
	switch {
	case s.Acknowledged:
		words = append(words, "shrank (acknowledged)")
	case s.Alarms > 0:
		words = append(words, "shrank")
	}
	if len(s.Lost) > 0 {
		words = append(words, "lacks mail")
	}
	if s.State != manifest.Checkpoint.String() { // it says of its sources what its parent says
		words = append(words, Unread(s.Sources)...)
	}
	if s.Warnings > 0 {
		words = append(words, ui.Plural(s.Warnings, "warning"))
	}
	if s.Belated {
		words = append(words, "belated")
	}
	if s.NewItems > 0 {
		words = append(words, ui.Plural(s.NewItems, "item")+" read")
	}
	return strings.Join(words, ", ")
}

// Color returns the color of the remarks.
func (s *Manifest) Color() ui.Color {
	switch {
	case s.Failures > 0 || s.Alarms > 0 && !s.Acknowledged || len(s.Lost) > 0:
		return ui.Red
	case s.Belated || s.Warnings > 0 || s.State != manifest.Complete.String():
		return ui.Yellow
	}
	return ui.Plain
}

// ID returns the id of a manifest.
func ID(head repo.Head) string { return hex.EncodeToString(head.ID[:]) }

// ShortID returns the first digits of the id of a manifest.
func ShortID(head repo.Head) string { return ID(head)[:8] }

// Reference is a reference to a manifest, as JSON.
type Reference struct {
	ID   string    `json:"id"`
	Time time.Time `json:"time"`
}

// OfHead returns a reference to a manifest, as JSON.
func OfHead(head repo.Head) *Reference { return &Reference{ID(head), head.Time.UTC()} }

// PrintManifests prints manifests as a table, with their age if aged is set.
func PrintManifests(o *ui.Output, manifests []Manifest, aged bool) {
	if len(manifests) == 0 {
		return
	}
	headings := []string{"ID", "ACCOUNT", "TIME", "MESSAGES", "    SIZE", "     NEW", "REMARKS"}
	if aged {
		headings = slices.Insert(headings, 3, "AGE")
	}
	t := o.Table(headings...).Optional("NEW", "SIZE", "AGE").Folded()
	defer t.Flush()
	for _, s := range manifests {
		cells := []string{s.ID[:8], s.Account, ui.Time(s.Time), ui.Right(ui.Count(s.Messages), "MESSAGES"), ui.Right(ui.Size(s.Bytes), "    SIZE"),
			ui.Right(ui.Count(s.NewMessages), "     NEW"), s.Remarks()}
		if aged {
			cells = slices.Insert(cells, 3, ui.Ago(s.Time))
		}
		t.ColoredRow(s.Color(), cells...)
	}
}
