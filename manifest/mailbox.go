package manifest

import (
	"cmp"
	"math"

	"github.com/fxamacker/cbor/v2"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

// mailboxRow is the encoding of a Mailbox.
type mailboxRow struct {
	Kind           uint8           `cbor:"0,keyasint,omitempty"`
	Raw            string          `cbor:"1,keyasint"`
	Name           string          `cbor:"2,keyasint,omitempty"`
	Delimiter      string          `cbor:"3,keyasint,omitempty"`
	Attributes     []string        `cbor:"4,keyasint,omitempty"`
	SpecialUse     []string        `cbor:"5,keyasint,omitempty"`
	Subscribed     bool            `cbor:"6,keyasint,omitempty"`
	Numbers        *numbersRow     `cbor:"7,keyasint,omitempty"`
	Observed       uint64          `cbor:"8,keyasint,omitempty"`
	Trusted        bool            `cbor:"9,keyasint,omitempty"`
	Complete       bool            `cbor:"10,keyasint,omitempty"`
	MailboxID      string          `cbor:"11,keyasint,omitempty"`
	PermanentFlags []string        `cbor:"12,keyasint,omitempty"`
	Messages       uint64          `cbor:"13,keyasint,omitempty"`
	Bytes          uint64          `cbor:"14,keyasint,omitempty"`
	Pages          []Page          `cbor:"15,keyasint,omitempty"`
	Lists          []chunk.ID      `cbor:"16,keyasint,omitempty"`
	FlagsRead      uint64          `cbor:"17,keyasint,omitempty"`
	Inherited      bool            `cbor:"18,keyasint,omitempty"`
	Label          bool            `cbor:"19,keyasint,omitempty"`
	Unproven       bool            `cbor:"20,keyasint,omitempty"`
	Erased         []uidRangeRow   `cbor:"21,keyasint,omitempty"`
	Groups         []chunk.ID      `cbor:"22,keyasint,omitempty"`
	Extensions     cbor.RawMessage `cbor:"63,keyasint,omitempty"`
}

type numbersRow struct {
	_                              struct{} `cbor:",toarray"`
	UIDValidity, UIDNext, Messages uint32
	HighestModSeq                  uint64
}

// EncodeMailboxes returns a mailbox table: a chunk with up to 256 mailboxes of a manifest,
// ascending by raw name. ParseMailboxes inverts it.
func EncodeMailboxes(mailboxes []Mailbox) ([]byte, error) {
	if err := checkCount("mailboxes in a table", len(mailboxes), maxTableRows); err != nil {
		return nil, err
	}
	if len(mailboxes) == 0 {
		return nil, refuse("a table without mailboxes")
	}
	rows, err := mailboxRows(mailboxes)
	if err != nil {
		return nil, err
	}
	return marshal("mailbox table", rows, maxMailboxBytes+arrayHead(len(rows)))
}

// ParseMailboxes inverts EncodeMailboxes.
func ParseMailboxes(b []byte) ([]Mailbox, error) {
	var rows []mailboxRow
	if err := unmarshal("mailbox table", decoding, b, &rows, MaxChunk); err != nil {
		return nil, err
	}
	return canonical("mailbox table", b, fromMailboxRows(rows), EncodeMailboxes)
}

// encodeInline returns the array of the mailboxes that a manifest holds itself, or nil if there are
// none.
func encodeInline(mailboxes []Mailbox) ([]byte, error) {
	rows, err := mailboxRows(mailboxes)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return marshal("array of mailboxes", rows, maxInlineMailbox)
}

// decodeInline inverts encodeInline.
func decodeInline(b []byte) ([]Mailbox, error) {
	if len(b) == 0 {
		return nil, nil
	}
	var rows []mailboxRow
	if err := unmarshal("array of mailboxes", manifestDecoding, b, &rows, maxInlineMailbox); err != nil {
		return nil, err
	}
	return fromMailboxRows(rows), nil
}

func mailboxRows(mailboxes []Mailbox) ([]mailboxRow, error) {
	if len(mailboxes) == 0 {
		return nil, nil
	}
	rows := make([]mailboxRow, len(mailboxes))
	for i := range mailboxes {
		mb := &mailboxes[i]
		if i > 0 && mb.Raw <= mailboxes[i-1].Raw {
			return nil, refuse("mailbox %q after %q", mb.Raw, mailboxes[i-1].Raw)
		}
		row, err := mb.row()
		if err != nil {
			return nil, err
		}
		rows[i] = *row
	}
	return rows, nil
}

func fromMailboxRows(rows []mailboxRow) []Mailbox {
	if len(rows) == 0 {
		return nil
	}
	mailboxes := make([]Mailbox, len(rows))
	for i := range rows {
		mailboxes[i] = rows[i].value()
	}
	return mailboxes
}

func (mb *Mailbox) row() (*mailboxRow, error) {
	err := cmp.Or(mb.checkLimits(), mb.checkSums(), mb.Extensions.check())
	if err != nil {
		return nil, err
	}
	observed, errObserved := millis(mb.Observed)
	flagsRead, errFlagsRead := millis(mb.FlagsRead)
	if err := cmp.Or(errObserved, errFlagsRead); err != nil {
		return nil, err
	}
	row := &mailboxRow{
		Kind:           uint8(mb.Kind),
		Raw:            mb.Raw,
		Delimiter:      mb.Delimiter,
		Attributes:     sorted(mb.Attributes),
		SpecialUse:     sorted(mb.SpecialUse),
		Subscribed:     mb.Subscribed,
		Observed:       observed,
		Trusted:        mb.Trusted,
		Complete:       mb.Complete,
		PermanentFlags: mb.PermanentFlags,
		Messages:       uint64(mb.Messages),
		Bytes:          uint64(mb.Bytes),
		Pages:          mb.Pages,
		Lists:          mb.Lists,
		Groups:         mb.Groups,
		FlagsRead:      flagsRead,
		Inherited:      mb.Inherited,
		Label:          mb.Label,
		Unproven:       mb.Unproven,
		Erased:         uidRangeRows(mb.Erased),
		Extensions:     cbor.RawMessage(mb.Extensions),
	}
	if mb.Name != mb.Raw {
		row.Name = mb.Name
	}
	if s := mb.Status; s != nil {
		row.Numbers = &numbersRow{
			UIDValidity: s.UIDValidity, UIDNext: s.UIDNext, Messages: s.Messages, HighestModSeq: s.HighestModSeq,
		}
		row.MailboxID = s.MailboxID
		if row.Extensions, err = encodeState(s.State, mb.Extensions); err != nil {
			return nil, err
		}
	}
	return row, nil
}

// value inverts Mailbox.row. It does not check the values; see manifestRow.value.
func (row *mailboxRow) value() Mailbox {
	mb := Mailbox{
		Mailbox: mail.Mailbox{
			Raw:        row.Raw,
			Name:       cmp.Or(row.Name, row.Raw),
			Delimiter:  row.Delimiter,
			Attributes: row.Attributes,
			SpecialUse: row.SpecialUse,
			Subscribed: row.Subscribed,
			Label:      row.Label,
		},
		Kind:           Kind(row.Kind),
		Observed:       fromMillis(row.Observed),
		Trusted:        row.Trusted,
		Complete:       row.Complete,
		Inherited:      row.Inherited,
		Unproven:       row.Unproven,
		PermanentFlags: row.PermanentFlags,
		FlagsRead:      fromMillis(row.FlagsRead),
		Messages:       int64(row.Messages),
		Bytes:          int64(row.Bytes),
		Pages:          row.Pages,
		Lists:          row.Lists,
		Groups:         row.Groups,
		Erased:         fromUIDRangeRows(row.Erased),
		Extensions:     Extensions(row.Extensions),
	}
	if n := row.Numbers; n != nil {
		mb.Status = &mail.Status{
			UIDValidity: n.UIDValidity, UIDNext: n.UIDNext, Messages: n.Messages, HighestModSeq: n.HighestModSeq,
			MailboxID: row.MailboxID,
		}
		if state := parseState(row.Extensions); state != "" {
			mb.Status.State, mb.Extensions = state, nil
		}
	}
	return mb
}

func (mb *Mailbox) checkLimits() error {
	err := cmp.Or(
		checkTexts("mailbox name", mb.Raw, mb.Name, mb.Delimiter),
		checkList("attributes of a mailbox", mb.Attributes, maxNames),
		checkList("special uses of a mailbox", mb.SpecialUse, maxNames),
		checkList("permanent flags of a mailbox", mb.PermanentFlags, maxNames),
		checkCount("page lists of a mailbox", len(mb.Lists), maxLists),
		checkCount("list groups of a mailbox", len(mb.Groups), maxGroups),
		checkCount("ranges of erased messages of a mailbox", len(uidRangeRows(mb.Erased)), maxErased),
		checkIDs("page lists", mb.Lists),
		checkIDs("list groups", mb.Groups),
	)
	if mb.Status != nil {
		err = cmp.Or(err, checkTexts("MAILBOXID", mb.Status.MailboxID))
	}
	return err
}

// checkSums refuses figures of a mailbox that do not add up. AllPages checks those of pages in
// lists.
func (mb *Mailbox) checkSums() error {
	var numbers mail.Status
	if mb.Status != nil {
		numbers = *mb.Status
	}
	switch {
	case mb.Raw == "":
		return refuse("a mailbox without a name")
	case mb.Kind != KindMailbox:
		return refuse("mailbox %q: a collection of kind %d, which this version does not know", mb.Raw, mb.Kind)
	case mb.Messages < 0 || mb.Messages > math.MaxUint32 || mb.Bytes < 0:
		return refuse("mailbox %q: %d messages of %d bytes", mb.Raw, mb.Messages, mb.Bytes)
	case mb.Erased.Contains(0):
		return refuse("mailbox %q: UID 0 is erased", mb.Raw)
	case mb.Complete && mb.Accounted() != int64(numbers.Messages):
		return refuse("mailbox %q is complete, but has %d records of %d messages, and %d erased",
			mb.Raw, mb.Messages, numbers.Messages, mb.Erased.Len())
	case mb.Label && (mb.Status != nil || mb.Complete || mb.Inherited || mb.Unproven ||
		len(mb.PermanentFlags) > 0 || mb.Accounted() > 0):
		return refuse("mailbox %q is a label, but has messages", mb.Raw)
	case len(mb.Lists)+len(mb.Groups) > 0 && len(mb.Pages) > 0:
		return refuse("mailbox %q: pages both inline and in lists", mb.Raw)
	case len(mb.Lists) > 0 && len(mb.Groups) > 0:
		return refuse("mailbox %q: page lists both in groups and not", mb.Raw)
	case len(mb.Lists)+len(mb.Groups) > 0:
		return nil
	}
	if err := checkCount("pages in a mailbox", len(mb.Pages), maxInlinePages); err != nil {
		return err
	}
	return mb.checkPages(mb.Pages)
}

// checkPages refuses pages that cannot be all the pages of the mailbox.
func (mb *Mailbox) checkPages(pages []Page) error {
	if err := checkPartition(pages); err != nil {
		return refuse("mailbox %q: %v", mb.Raw, err)
	}
	var messages int64
	for _, p := range pages {
		messages += int64(p.Messages)
	}
	if messages != mb.Messages {
		return refuse("mailbox %q: %d messages, its pages have %d", mb.Raw, mb.Messages, messages)
	}
	return nil
}

// uidRangeRow is the encoding of a range of UIDs.
type uidRangeRow struct {
	_           struct{} `cbor:",toarray"`
	First, Last uint32
}

func uidRangeRows(set mail.UIDSet) (rows []uidRangeRow) {
	for r := range set.Ranges() {
		rows = append(rows, uidRangeRow{First: uint32(r.First), Last: uint32(r.Last)})
	}
	return rows
}

// fromUIDRangeRows inverts uidRangeRows. Rows that no set has are encoded differently, so Parse
// finds them.
func fromUIDRangeRows(rows []uidRangeRow) (set mail.UIDSet) {
	for _, row := range rows {
		set.AddRange(mail.UIDRange{First: mail.UID(row.First), Last: mail.UID(row.Last)})
	}
	return set
}

// Numbered reports whether the mailbox has a Status. A mailbox that cannot hold messages has none.
func (mb *Mailbox) Numbered() bool { return mb.Status != nil }

// UIDValidity returns the UIDVALIDITY of the mailbox, or 0 if it is not known or mb is nil.
func (mb *Mailbox) UIDValidity() uint32 {
	if mb == nil || mb.Status == nil {
		return 0
	}
	return mb.Status.UIDValidity
}

// Accounted returns how many messages of the server the mailbox accounts for: those in the pages
// and the erased ones.
func (mb *Mailbox) Accounted() int64 { return mb.Messages + mb.Erased.Len() }
