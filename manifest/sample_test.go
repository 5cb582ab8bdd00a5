package manifest

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

// memory has chunks by their IDs and counts the calls.
type memory struct {
	chunks       map[chunk.ID][]byte
	loads, puts  int
	refuse       error // what load and put return, if set
	afterRefusal int   // calls that still succeed
}

func newMemory() *memory { return &memory{chunks: make(map[chunk.ID][]byte)} }

var errNoChunk = errors.New("no such chunk")

func (m *memory) put(b []byte) (chunk.ID, error) {
	if err := m.call(); err != nil {
		return chunk.ID{}, err
	}
	m.puts++
	id := chunk.ID(sha256.Sum256(b))
	m.chunks[id] = b
	return id, nil
}

func (m *memory) load(id chunk.ID) ([]byte, error) {
	if err := m.call(); err != nil {
		return nil, err
	}
	m.loads++
	b, ok := m.chunks[id]
	if !ok {
		return nil, errNoChunk
	}
	return b, nil
}

func (m *memory) call() error {
	if m.refuse == nil {
		return nil
	}
	if m.afterRefusal == 0 {
		return m.refuse
	}
	m.afterRefusal--
	return nil
}

// id returns an invented ID.
func id(n int) (id chunk.ID) {
	binary.BigEndian.PutUint32(id[:], uint32(n))
	id[31] = 1
	return id
}

func ids(n ...int) []chunk.ID {
	var all []chunk.ID
	for _, i := range n {
		all = append(all, id(i))
	}
	return all
}

// message returns an invented message, a different one for each version.
func message(uid mail.UID, version int) Entry {
	n := int(uid) ^ version<<20
	return Entry{
		Record: Record{
			UID: uid, Size: int64(100 + version), Hash: id(n),
			Internal: mail.Date{Seconds: 1_700_000_000 + int64(uid)},
			Parts:    []Part{{Kind: mail.HeaderPart, Chunks: ids(n)}},
		},
		FlagSet: FlagSet{Flags: mail.NewFlags(`\Seen`)},
	}
}

func sampleRecords() []Record {
	return []Record{
		{
			UID: 1, Size: 5000, Hash: id(1),
			Internal: mail.Date{Seconds: 1_700_000_000, Zone: 60},
			Parts: []Part{
				{Kind: mail.HeaderPart, Chunks: ids(2)},
				{Kind: mail.TextPart, Chunks: ids(3, 4)},
				{Kind: mail.Base64Part, Recipe: mail.Recipe{LineLength: 76, CRLF: true}, Chunks: ids(5)},
				{Kind: mail.Base64Part, Recipe: mail.Recipe{LineLength: 60, Unterminated: true}, Chunks: ids(6)},
			},
		},
		{UID: 2, Hash: id(7), Internal: mail.Date{Seconds: -86400, Zone: -210}},
		{
			UID: 70000, Size: 1 << 40, Hash: id(8), List: id(9), Hint: 12,
			Internal: mail.Date{Raw: "yesterday\xff"},
			Saved:    mail.Date{Seconds: 1_700_000_001, Zone: -60},
			IDs: mail.IDs{
				Email: "M1", Thread: "T1", XGUID: "\x00\xff", GMMsg: "1278455344230334865", GMThread: "1266894439832287888",
			},
			ByID:       true,
			Extensions: Extensions("\xa2\x01\x61a\x18\x64\x41b"),
		},
		{
			UID: 1<<32 - 1, Size: 1, Hash: id(10), Parts: []Part{{Kind: mail.TextPart, Chunks: ids(11)}},
			Saved: mail.Date{Raw: "never"},
		},
	}
}

func sampleFlags() []FlagSet {
	return []FlagSet{
		{Flags: mail.Flags{`\Answered`, `\Seen`, "foo[bar]"}, Labels: []string{"\\Inbox"}},
		{},
		{Flags: mail.Flags{`\Answered`, `\Seen`, "foo[bar]"}, Labels: []string{"\\Inbox"}},
		{Labels: []string{"\xff"}},
	}
}

func sampleParts() []Part {
	parts := []Part{{Kind: mail.HeaderPart, Chunks: ids(1)}}
	for i := range 9 {
		parts = append(parts, Part{Kind: mail.Base64Part, Recipe: mail.Recipe{LineLength: 76}, Chunks: ids(100 + i)})
	}
	return parts
}

func samplePages() []Page {
	return []Page{
		{Start: 0, Bits: 8, Messages: 255, Records: id(1), Flags: id(2)},
		{Start: 256, Bits: 8, Messages: 2, Records: id(3), Flags: id(2)},
		{Start: 1 << 31, Bits: 31, Messages: 256, Records: id(4), Flags: id(5)},
	}
}

func at(seconds int64) time.Time { return time.Unix(seconds, 123_000_000).UTC() }

func sampleMailboxes() []Mailbox {
	return []Mailbox{
		{
			Mailbox: mail.Mailbox{
				Raw: "&ZeVnLIqe-", Name: "日本語", Delimiter: "/",
				Attributes: []string{`\HasNoChildren`, `\Marked`}, SpecialUse: []string{`\Sent`},
				Subscribed: true,
				Status:     &mail.Status{UIDValidity: 1, UIDNext: 1 << 31, Messages: 513, HighestModSeq: 1 << 63, MailboxID: "F1"},
			},
			Observed: at(1_700_000_100), Trusted: true, Complete: true, FlagsRead: at(1_699_000_000),
			PermanentFlags: []string{`\Seen`, `\*`},
			Messages:       513, Bytes: 1 << 33,
			Pages:      samplePages(),
			Extensions: Extensions("\xa1\x00\x00"),
		},
		{Mailbox: mail.Mailbox{Raw: "INBOX", Name: "INBOX", Status: &mail.Status{UIDNext: 1}}, Messages: 5, Bytes: 50, Lists: ids(1, 2), Inherited: true},
		{Mailbox: mail.Mailbox{Raw: "\xff", Name: "\xff", Attributes: []string{`\Noselect`}}},
	}
}

func sampleManifest() *Manifest {
	m := &Manifest{
		Account: "home", Source: "imaps://jo@mail.example", Program: "mailstrata 1",
		Start: at(1_700_000_000), End: at(1_700_000_200), Deadline: at(1_700_043_200), Time: at(1_700_000_201),
		Parent: id(77), State: Complete, Consistent: true,
		Totals:   Totals{Mailboxes: 3, Messages: 518, Bytes: 1<<33 + 50, Failures: 2, NewMessages: 7, NewBytes: 700},
		Warnings: []string{"the server fell silent"},
		Failures: []Failure{{Mailbox: "INBOX", UID: 7, Reason: "NIL"}, {Reason: "no quota"}},
		Alarm:    []string{"Archive: 10 of 1000 messages are left"},
		Server: mail.Server{
			ID:           []mail.Field{{Name: "name", Value: "Dovecot"}, {Name: "version"}},
			Capabilities: []string{"CONDSTORE", "IMAP4REV1"},
			Namespaces:   []mail.Namespace{{Kind: mail.Personal, Delimiter: "/"}, {Kind: mail.Shared, Prefix: "Shared/", Delimiter: "/"}},
			Quota:        []mail.Quota{{Root: "User quota", Resource: "STORAGE", Usage: 10, Limit: 1 << 40}},
		},
		Dangling:   []string{"Old"},
		Mailboxes:  sampleMailboxes(),
		Extensions: Extensions("\xa1\x05\x82\x01\xa1\x61k\x20"),
	}
	return m
}

func sampleServerPart() mail.Server {
	server := sampleManifest().Server
	server.Quota = nil
	return server
}

// manyMailboxes returns mailboxes for several tables.
func manyMailboxes(n int) []Mailbox {
	var mailboxes []Mailbox
	for i := range n {
		name := fmt.Sprintf("Archive/%s/%06d", strings.Repeat("x", 60), i)
		mailboxes = append(mailboxes, Mailbox{
			Mailbox:  mail.Mailbox{Raw: name, Name: name, Status: &mail.Status{UIDValidity: 1, UIDNext: 4, Messages: 3}},
			Complete: true, Messages: 3, Bytes: 30,
			Pages: []Page{{Start: 0, Bits: 32, Messages: 3, Records: id(i + 1), Flags: id(1)}},
		})
	}
	return mailboxes
}
