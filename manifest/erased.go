package manifest

import "github.com/mailstrata/mailstrata/mail"

// uidRangeRow is a range of UIDs as it is encoded.
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

// fromUIDRangeRows inverts uidRangeRows. Rows that no set gives do not come back the same, so encoding them again shows it.
func fromUIDRangeRows(rows []uidRangeRow) (set mail.UIDSet) {
	for _, row := range rows {
		set.AddRange(mail.UIDRange{First: mail.UID(row.First), Last: mail.UID(row.Last)})
	}
	return set
}

// Accounted counts the server's messages that the mailbox accounts for: those in the pages, and those that were erased.
func (mb *Mailbox) Accounted() int64 { return mb.Messages + mb.Erased.Len() }
