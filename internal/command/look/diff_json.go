package look

import (
	"github.com/mailstrata/mailstrata/archive/diff"
	"github.com/mailstrata/mailstrata/internal/cli/summary"
)

// diffSummary is a difference as JSON.
type diffSummary struct {
	Before    summary.Manifest     `json:"before"`
	After     summary.Manifest     `json:"after"`
	Mailboxes []mailboxDiffSummary `json:"mailboxes"` // those that differ
	Added     int64                `json:"added"`
	Removed   int64                `json:"removed"`
	Moved     int64                `json:"moved"`
	Reflagged int64                `json:"reflagged"`

	Properties []propertiesChange `json:"properties"` // access rights and annotations that differ
}

// mailboxDiffSummary is the difference of a mailbox, as JSON.
type mailboxDiffSummary struct {
	Name        string `json:"name"`
	Raw         string `json:"raw"`
	Created     bool   `json:"created"`
	Gone        bool   `json:"removed_mailbox"`
	RenamedFrom string `json:"renamed_from,omitempty"`
	Renumbered  bool   `json:"renumbered"` // UIDVALIDITY changed
	Incomplete  bool   `json:"incomplete"` // now: not all could be read
	Added       int64  `json:"added"`
	Removed     int64  `json:"removed"`
	MovedIn     int64  `json:"moved_in"`
	MovedOut    int64  `json:"moved_out"`
	Reflagged   int64  `json:"reflagged"`
	Error       string `json:"error,omitempty"` // why it could not be compared
}

func (t *comparison) document() diffSummary {
	d := t.difference
	totals := d.Totals()
	s := diffSummary{
		Before: summary.OfManifest(d.Before.Head, d.Before.Manifest), After: summary.OfManifest(d.After.Head, d.After.Manifest), Mailboxes: []mailboxDiffSummary{},
		Added: totals.Added, Removed: totals.Removed, Moved: max(totals.MovedIn, totals.MovedOut), Reflagged: totals.Reflagged,
		Properties: append([]propertiesChange{}, t.properties...),
	}
	for _, m := range d.Mailboxes {
		b := mailboxDiffSummary{
			Name: m.Mailbox().Name, Raw: m.Mailbox().Raw, Created: m.Created(), Gone: m.WasRemoved(), Renumbered: m.Renumbered,
			Incomplete: isIncomplete(m.After), Added: m.Added, Removed: m.Removed, MovedIn: m.MovedIn, MovedOut: m.MovedOut, Reflagged: m.Reflagged,
		}
		if m.Renamed() {
			b.RenamedFrom = m.Before.Name
		}
		if m.Unread != nil {
			b.Error = m.Unread.Error()
		}
		s.Mailboxes = append(s.Mailboxes, b)
	}
	return s
}

// changeSummary is the change of a message, as JSON.
type changeSummary struct {
	Change       string    `json:"change"` // added, removed, moved-in, moved-out or reflagged
	Mailbox      string    `json:"mailbox"`
	PeerMailbox  string    `json:"peer_mailbox,omitempty"` // where it was moved from, or to
	PeerUID      uint32    `json:"peer_uid,omitempty"`
	FlagsBefore  *[]string `json:"flags_before,omitempty"`
	LabelsBefore []string  `json:"labels_before,omitempty"`
	summary.Message
}

func changeDocument(m *diff.MailboxDifference, c *diff.Change, message summary.Message) changeSummary {
	s := changeSummary{Change: c.Kind.String(), Mailbox: m.Mailbox().Name, Message: message}
	if c.Peer != nil {
		s.PeerMailbox, s.PeerUID = c.Peer.Name, uint32(c.PeerUID)
	}
	if c.Was != nil {
		flags := summary.List(c.Was.Flags)
		s.FlagsBefore, s.LabelsBefore = &flags, c.Was.Labels
	}
	return s
}
