package manifest

import (
	"fmt"
	"iter"
)

// SetMailboxes sets the mailboxes of the account, which must ascend by raw name, and adds up their
// totals. Mailboxes of up to 512 encoded bytes in total are inline; more are in tables of 4. Above
// 48 mailboxes the tables grow up to 256 mailboxes or 1 MiB each, so that a manifest names few of
// them.
func (m *Manifest) SetMailboxes(mailboxes []Mailbox, put Put) error {
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
	if arrayHead(len(mailboxes))+total <= inlineMailboxes {
		m.Mailboxes = mailboxes
		return nil
	}
	rows := rowsPerTable(len(mailboxes))
	for len(mailboxes) > 0 {
		n, size := 1, sizes[0]
		for n < min(rows, len(mailboxes)) && size+sizes[n] <= maxMailboxBytes {
			size += sizes[n]
			n++
		}
		id, err := put.encoded(EncodeMailboxes(mailboxes[:n]))
		if err != nil {
			return err
		}
		m.Tables = append(m.Tables, id)
		mailboxes, sizes = mailboxes[n:], sizes[n:]
	}
	return nil
}

// AllMailboxes yields the mailboxes, inline or from tables, and checks that they add up to the
// totals. The first error ends the sequence.
func (m *Manifest) AllMailboxes(load Load) iter.Seq2[*Mailbox, error] {
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
		if err := t.sums.compare(m.Totals); err != nil {
			yield(nil, malformed("mailbox tables", err))
		}
	}
}

// rowsPerTable returns how many of n mailboxes each table has. Small tables cost less when a
// mailbox changes, because its table is written again. Few tables cost less in each manifest, which
// names them all.
func rowsPerTable(n int) int {
	rows := tableRows
	for rows < maxTableRows && n > rows*fewTables { // 4, 6, 8, 12, 16, 24 …
		if rows&(rows-1) == 0 {
			rows += rows / 2
		} else {
			rows += rows / 3
		}
	}
	return rows
}

// tableReader reads tables one after the other. It accepts any number of mailboxes in each.
type tableReader struct {
	m      *Manifest
	load   Load
	failed map[string]bool
	sums   sums
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
		if err := t.sums.add(&mailboxes[j], t.failed); err != nil {
			return nil, malformed("mailbox table", err)
		}
	}
	return mailboxes, nil
}

// size returns the number of bytes that the mailbox encodes to.
func (mb *Mailbox) size() (int, error) {
	row, err := mb.row()
	if err != nil {
		return 0, err
	}
	b, err := marshal(fmt.Sprintf("mailbox %q", mb.Raw), row, maxMailboxBytes)
	return len(b), err
}

// arrayHead returns the number of bytes before the elements of a CBOR array of n (RFC 8949 section
// 3).
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
