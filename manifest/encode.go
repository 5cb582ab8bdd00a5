package manifest

import (
	"cmp"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

// manifestRow is the encoding of a Manifest.
type manifestRow struct {
	Account    string          `cbor:"1,keyasint"`
	Source     string          `cbor:"2,keyasint"`
	Start      uint64          `cbor:"3,keyasint"`
	End        uint64          `cbor:"4,keyasint"`
	Deadline   uint64          `cbor:"5,keyasint"`
	Parent     []byte          `cbor:"6,keyasint,omitempty"`
	State      uint8           `cbor:"7,keyasint"`
	Consistent bool            `cbor:"8,keyasint,omitempty"`
	Totals     totalsRow       `cbor:"9,keyasint"`
	Warnings   []string        `cbor:"10,keyasint,omitempty"`
	Failures   []Failure       `cbor:"11,keyasint,omitempty"`
	serverRow                  // 12 to 14
	Quota      []quotaRow      `cbor:"15,keyasint,omitempty"`
	Dangling   []string        `cbor:"16,keyasint,omitempty"`
	Mailboxes  cbor.RawMessage `cbor:"17,keyasint,omitempty"`
	Tables     []chunk.ID      `cbor:"18,keyasint,omitempty"`
	Program    string          `cbor:"19,keyasint,omitempty"`
	Alarm      []string        `cbor:"20,keyasint,omitempty"`
	Origin     []byte          `cbor:"21,keyasint,omitempty"`
	Taken      *takenRow       `cbor:"22,keyasint,omitempty"`
	Downloaded uint64          `cbor:"23,keyasint,omitempty"`
	Time       uint64          `cbor:"24,keyasint,omitempty"`
	Erased     uint64          `cbor:"25,keyasint,omitempty"`
	ServerPart []byte          `cbor:"26,keyasint,omitempty"`
	Items      []chunk.ID      `cbor:"27,keyasint,omitempty"`
	ItemTotals *ItemTotals     `cbor:"28,keyasint,omitempty"`
	Properties []chunk.ID      `cbor:"29,keyasint,omitempty"`
	Asked      uint64          `cbor:"30,keyasint,omitempty"`
	Sources    []sourceRow     `cbor:"32,keyasint,omitempty"`
	Extensions cbor.RawMessage `cbor:"63,keyasint,omitempty"`
}

type totalsRow struct {
	_                                                           struct{} `cbor:",toarray"`
	Mailboxes, Messages, Bytes, Failures, NewMessages, NewBytes uint64
}

type takenRow struct {
	_               struct{} `cbor:",toarray"`
	Messages, Bytes uint64
}

type quotaRow struct {
	_              struct{} `cbor:",toarray"`
	Root, Resource string
	Usage, Limit   uint64
}

// Encode returns the content of the object of the manifest. Parse inverts it.
func (m *Manifest) Encode() ([]byte, error) {
	row, err := m.row()
	if err != nil {
		return nil, err
	}
	return marshal("manifest", row, maxManifest)
}

// EncodeAt sets Time to at, to the millisecond, and encodes the manifest.
func (m *Manifest) EncodeAt(at time.Time) ([]byte, error) {
	m.Time = at.UTC().Truncate(time.Millisecond)
	return m.Encode()
}

// Parse inverts Encode. Its error wraps ErrMalformed.
func Parse(b []byte) (*Manifest, error) {
	var row manifestRow
	if err := unmarshal("manifest", manifestDecoding, b, &row, maxManifest); err != nil {
		return nil, err
	}
	m, err := row.value()
	if err != nil {
		return nil, err
	}
	return canonical("manifest", b, m, (*Manifest).Encode)
}

func (m *Manifest) row() (*manifestRow, error) {
	err := cmp.Or(
		m.checkLimits(), m.checkSums(), m.checkItemTotals(), m.checkSources(), m.checkProperties(), m.Extensions.check(),
	)
	if err != nil {
		return nil, err
	}
	start, errStart := millis(m.Start)
	end, errEnd := millis(m.End)
	deadline, errDeadline := millis(m.Deadline)
	at, errTime := millis(m.Time)
	asked, errAsked := millis(m.PropertiesAsked)
	mailboxes, errMailboxes := encodeInline(m.Mailboxes)
	sources, errSources := encodeSources(m.Sources)
	if err := cmp.Or(errStart, errEnd, errDeadline, errTime, errAsked, errMailboxes, errSources); err != nil {
		return nil, err
	}
	row := &manifestRow{
		Account: m.Account, Source: m.Source, Program: m.Program,
		Start: start, End: end, Deadline: deadline, Time: at,
		Parent:     hashBytes(m.Parent),
		Origin:     hashBytes(m.Origin),
		State:      uint8(m.State),
		Consistent: m.Consistent,
		Totals:     m.Totals.row(),
		Taken:      m.Totals.takenRow(),
		Downloaded: uint64(m.Downloaded),
		Erased:     uint64(m.Totals.Erased),
		Warnings:   m.Warnings,
		Failures:   m.Failures,
		Alarm:      m.Alarm,
		serverRow:  newServerRow(m.Server),
		ServerPart: hashBytes(m.ServerPart),
		Dangling:   m.Dangling,
		Mailboxes:  mailboxes,
		Tables:     m.Tables,
		Items:      m.ItemSources,
		Properties: m.Properties,
		Asked:      asked,
		Sources:    sources,
		Extensions: cbor.RawMessage(m.Extensions),
	}
	if len(m.ItemSources) > 0 {
		row.ItemTotals = &m.ItemTotals
	}
	for _, q := range m.Server.Quota {
		row.Quota = append(row.Quota, quotaRow{Root: q.Root, Resource: q.Resource, Usage: q.Usage, Limit: q.Limit})
	}
	return row, nil
}

// value inverts Manifest.row. It does not check the values: row refuses those it does not return,
// or encodes them differently, so Parse finds them.
func (row *manifestRow) value() (*Manifest, error) {
	mailboxes, err := decodeInline(row.Mailboxes)
	if err != nil {
		return nil, err
	}
	m := &Manifest{
		Account: row.Account, Source: row.Source, Program: row.Program,
		Start: fromMillis(row.Start), End: fromMillis(row.End),
		Deadline: fromMillis(row.Deadline), Time: fromMillis(row.Time),
		Parent:     fromHashBytes(row.Parent),
		Origin:     fromHashBytes(row.Origin),
		State:      State(row.State),
		Consistent: row.Consistent,
		Totals:     row.Totals.value(row.Taken),
		Downloaded: int64(row.Downloaded),
		Warnings:   row.Warnings,
		Failures:   row.Failures,
		Alarm:      row.Alarm,
		Server:     row.serverRow.value(),
		ServerPart: fromHashBytes(row.ServerPart),
		Dangling:   row.Dangling,
		Mailboxes:  mailboxes,
		Tables:     row.Tables,

		ItemSources: row.Items, Sources: decodeSources(row.Sources),
		Properties: row.Properties, PropertiesAsked: fromMillis(row.Asked),
		Extensions: Extensions(row.Extensions),
	}
	m.Totals.Erased = int64(row.Erased)
	if row.ItemTotals != nil {
		m.ItemTotals = *row.ItemTotals
	}
	for _, q := range row.Quota {
		m.Server.Quota = append(m.Server.Quota,
			mail.Quota{Root: q.Root, Resource: q.Resource, Usage: q.Usage, Limit: q.Limit})
	}
	return m, nil
}

func (t Totals) row() totalsRow {
	return totalsRow{
		Mailboxes: uint64(t.Mailboxes), Messages: uint64(t.Messages), Bytes: uint64(t.Bytes), Failures: uint64(t.Failures),
		NewMessages: uint64(t.NewMessages), NewBytes: uint64(t.NewBytes),
	}
}

func (t Totals) takenRow() *takenRow {
	if t.TakenMessages == 0 && t.TakenBytes == 0 {
		return nil
	}
	return &takenRow{Messages: uint64(t.TakenMessages), Bytes: uint64(t.TakenBytes)}
}

// value inverts Totals.row and Totals.takenRow.
func (t totalsRow) value(taken *takenRow) Totals {
	totals := Totals{
		Mailboxes: int64(t.Mailboxes), Messages: int64(t.Messages), Bytes: int64(t.Bytes), Failures: int64(t.Failures),
		NewMessages: int64(t.NewMessages), NewBytes: int64(t.NewBytes),
	}
	if taken != nil {
		totals.TakenMessages, totals.TakenBytes = int64(taken.Messages), int64(taken.Bytes)
	}
	return totals
}

// checkLimits refuses lists and texts of a manifest beyond the limits.
func (m *Manifest) checkLimits() error {
	err := cmp.Or(
		checkTexts("account", m.Account),
		checkTexts("source", m.Source),
		checkTexts("program", m.Program),
		checkList("warnings", m.Warnings, maxNotes),
		checkList("alarms", m.Alarm, maxNotes),
		checkServer(m.Server),
		checkList("dangling subscriptions", m.Dangling, maxNotes),
		checkCount("failures", len(m.Failures), maxNotes),
		checkCount("quotas", len(m.Server.Quota), maxNames),
		checkIDs("tables", m.Tables),
	)
	for _, f := range m.Failures {
		err = cmp.Or(err, checkTexts("failure", f.Mailbox, f.Reason))
	}
	for _, q := range m.Server.Quota {
		err = cmp.Or(err, checkTexts("quota", q.Root, q.Resource))
	}
	return err
}
