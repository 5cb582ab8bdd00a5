package manifest

import (
	"fmt"
	"iter"
	"slices"

	"github.com/mailstrata/mailstrata/chunk"
)

// SetMailboxes records the account's mailboxes, which must ascend by raw name, and adds up their totals: inline while
// they encode to half a KiB or less, else in tables of 32. Of more than 256 mailboxes tables are larger, so that a manifest
// names no more than eight, up to 256 mailboxes or 1 MiB a table.
func (m *Manifest) SetMailboxes(mailboxes []Mailbox, put func([]byte) (chunk.ID, error)) error {
	m.Mailboxes, m.Tables = nil, nil
	m.Totals.Mailboxes, m.Totals.Messages, m.Totals.Bytes, m.Totals.Erased = 0, 0, 0, 0
	sizes := make([]int, len(mailboxes))
	total := 0
	for i := range mailboxes {
		size, err := mailboxes[i].size()
		if err != nil {
			return err
		}
		sizes[i] = size
		total += size
		m.Totals.Mailboxes++
		m.Totals.Messages += mailboxes[i].Messages
		m.Totals.Bytes += mailboxes[i].Bytes
		m.Totals.Erased += mailboxes[i].Erased.Len()
	}
	if arrayHead(len(mailboxes))+total <= InlineMailboxes {
		m.Mailboxes = mailboxes
		return nil
	}
	rows := tableRows(len(mailboxes))
	for len(mailboxes) > 0 {
		n, size := 1, sizes[0]
		for n < min(rows, len(mailboxes)) && size+sizes[n] <= MaxMailboxBytes {
			size += sizes[n]
			n++
		}
		b, err := EncodeMailboxes(mailboxes[:n])
		if err != nil {
			return err
		}
		id, err := put(b)
		if err != nil {
			return err
		}
		m.Tables = append(m.Tables, id)
		mailboxes, sizes = mailboxes[n:], sizes[n:]
	}
	return nil
}

// AllMailboxes yields the mailboxes, wherever they are kept, and sees to it that they add up to the totals. An error
// ends it.
func (m *Manifest) AllMailboxes(load func(chunk.ID) ([]byte, error)) iter.Seq2[*Mailbox, error] {
	if len(m.Tables) == 0 {
		return func(yield func(*Mailbox, error) bool) {
			for i := range m.Mailboxes {
				if !yield(&m.Mailboxes[i], nil) {
					return
				}
			}
		}
	}
	return func(yield func(*Mailbox, error) bool) {
		t := tableReader{m: m, load: load, failed: failedMailboxes(m.Failures)}
		for i := range m.Tables {
			mailboxes, err := t.read(i)
			if err != nil {
				yield(nil, fmt.Errorf("mailbox table %d of %d: %w", i+1, len(m.Tables), err))
				return
			}
			for j := range mailboxes {
				if !yield(&mailboxes[j], nil) {
					return
				}
			}
		}
		if err := t.accounts.balance(m.Totals); err != nil {
			yield(nil, malformed("mailbox tables", err))
		}
	}
}

// tableRows returns the number of mailboxes in a table, of n in all. A table is written again whenever one of its mailboxes
// changes, and each manifest names all tables.
func tableRows(n int) int {
	rows := TableRows
	for rows < MaxTableRows && n > rows*FewTables {
		rows *= 2
	}
	return rows
}

// tableReader reads tables one after the other. Writers may fill them in any way.
type tableReader struct {
	m        *Manifest
	load     func(chunk.ID) ([]byte, error)
	failed   map[string]bool
	accounts accounts
}

func (t *tableReader) read(i int) ([]Mailbox, error) {
	b, err := t.load(t.m.Tables[i])
	if err != nil {
		return nil, err
	}
	mailboxes, err := ParseMailboxes(b)
	if err != nil {
		return nil, err
	}
	for j := range mailboxes {
		if err := t.accounts.add(&mailboxes[j], t.failed); err != nil {
			return nil, malformed("mailbox table", err)
		}
	}
	return mailboxes, nil
}

// size is how many bytes the mailbox encodes to.
func (mb *Mailbox) size() (int, error) {
	row, err := mb.row()
	if err != nil {
		return 0, err
	}
	b, err := encode(fmt.Sprintf("mailbox %q", mb.Raw), row, MaxMailboxBytes)
	return len(b), err
}

// arrayHead is how many bytes CBOR has before the elements of an array of n.
func arrayHead(n int) int {
	switch {
	case n < 24:
		return 1
	case n < 1<<8:
		return 2
	case n < 1<<16:
		return 3
	}
	return 5
}

// Numbered reports whether the server told the mailbox's numbers; it does not of one that holds no messages.
func (mb *Mailbox) Numbered() bool { return mb.Status != nil }

// UIDValidity is the mailbox's UIDVALIDITY; 0: not known. There may be no mailbox (nil).
func (mb *Mailbox) UIDValidity() uint32 {
	if mb == nil || mb.Status == nil {
		return 0
	}
	return mb.Status.UIDValidity
}

// maxNote bounds the sentences that the program itself writes into a manifest.
const maxNote = 1 << 10

// AddFailure records that a message or a mailbox could not be read. Of very many the last one tells how many more there
// were.
func (m *Manifest) AddFailure(f Failure) {
	m.Totals.Failures++
	if more := m.Totals.Failures - (MaxNotes - 1); more > 1 {
		m.Failures = slices.Delete(m.Failures, MaxNotes-1, len(m.Failures))
		f = Failure{Reason: fmt.Sprintf("%d more", more)}
	}
	f.Mailbox, f.Reason = clip(f.Mailbox, MaxText), clip(f.Reason, maxNote)
	m.Failures = append(m.Failures, f)
}

// AddWarning records a sentence for whoever reads the manifest. Of very many only the first are kept.
func (m *Manifest) AddWarning(text string) {
	switch len(m.Warnings) {
	case MaxNotes:
	case MaxNotes - 1:
		m.Warnings = append(m.Warnings, "further warnings are left out")
	default:
		m.Warnings = append(m.Warnings, clip(text, maxNote))
	}
}

func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return s[:limit]
}
