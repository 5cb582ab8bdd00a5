package manifest

import (
	"bytes"
	"encoding/hex"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

// TestExampleOfTheFormat compares the encoding with the literal example in docs/format.md, an
// account with one message.
func TestExampleOfTheFormat(t *testing.T) {
	full := func(b byte) chunk.ID { return chunk.ID(bytes.Repeat([]byte{b}, 32)) }
	records := []Record{{
		UID: 7, Size: 1234, Hash: full(0x11),
		Internal: mail.ParseDate(" 8-Mar-2026 14:30:00 +0100"),
		IDs:      mail.IDs{XGUID: "a1b2"},
		Parts: []Part{
			{Kind: mail.HeaderPart, Chunks: []chunk.ID{full(0x22)}},
			{Kind: mail.Base64Part, Recipe: mail.Recipe{LineLength: 76, CRLF: true}, Chunks: []chunk.ID{full(0x33)}},
		},
	}}
	flags := []FlagSet{{Flags: mail.NewFlags(`\seen`, `\recent`, "work")}}
	manifest := &Manifest{
		Account: "home", Source: "imaps://jo@mail.example", Program: "mailstrata 0.1",
		Start:    time.Date(2026, 3, 9, 2, 0, 0, 0, time.UTC),
		End:      time.Date(2026, 3, 9, 2, 0, 5, 0, time.UTC),
		Deadline: time.Date(2026, 3, 9, 14, 0, 0, 0, time.UTC),
		Time:     time.Date(2026, 3, 9, 2, 0, 6, 0, time.UTC),
		State:    Complete, Consistent: true,
		Totals: Totals{Mailboxes: 1, Messages: 1, Bytes: 1234, NewMessages: 1, NewBytes: 1234},
		Mailboxes: []Mailbox{{
			Mailbox: mail.Mailbox{
				Raw: "INBOX", Delimiter: "/", Subscribed: true,
				Status: &mail.Status{UIDValidity: 1, UIDNext: 8, Messages: 1, HighestModSeq: 42},
			},
			Observed: time.Date(2026, 3, 9, 2, 0, 1, 0, time.UTC), FlagsRead: time.Date(2026, 3, 9, 2, 0, 1, 0, time.UTC),
			Trusted: true, Complete: true,
			Messages: 1, Bytes: 1234,
			Pages: []Page{{Start: 0, Bits: 32, Messages: 1, Records: full(0x44), Flags: full(0x55)}},
		}},
	}
	server := mail.Server{ID: []mail.Field{{Name: "name", Value: "Dovecot"}}, Capabilities: []string{"ENABLE", "IMAP4REV1"}}
	items := []Item{{Name: "event.ics", Size: 700, ETag: `"7"`, Chunks: []chunk.ID{full(0x77)}}}
	source := &ItemSource{
		Kind: Calendars, URL: "https://dav.example/", Observed: time.Date(2026, 3, 9, 2, 0, 1, 0, time.UTC), Complete: true,
		Collections: []Collection{{
			Path: "/cal/team/", Name: "Work", SyncToken: "17", Complete: true, Items: 1, Bytes: 700, Pages: []chunk.ID{full(0x88)},
		}},
	}
	properties := []Properties{{Properties: mail.Properties{
		Mailbox:     "INBOX",
		Grants:      []mail.Grant{{Identifier: "bob", Rights: "lr"}, {Identifier: "jo", Rights: "lrswipkxtea"}},
		Annotations: []mail.Annotation{{Name: "/private/comment", Value: "mine"}},
	}}}
	page, err := os.ReadFile("../docs/format.md")
	if err != nil {
		t.Fatal(err)
	}
	written := hexIn(string(page))
	for name, encode := range map[string]func() ([]byte, error){
		"record page": func() ([]byte, error) { return EncodeRecords(records) },
		"flag page":   func() ([]byte, error) { return EncodeFlags(flags) },
		"manifest":    manifest.Encode,
		"server part": func() ([]byte, error) { return EncodeServer(server) },
		"list group":  func() ([]byte, error) { return EncodeListGroup([]chunk.ID{full(0xaa), full(0xbb)}) },
		"item page":   func() ([]byte, error) { return EncodeItems(items) },
		"item source": func() ([]byte, error) { return EncodeItemSource(source) },

		"property page": func() ([]byte, error) { return EncodeProperties(properties) },
	} {
		b, err := encode()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(written, hex.EncodeToString(b)) {
			t.Errorf("docs/format.md has another %s than this:\n%s", name, hex.EncodeToString(b))
		}
	}
}

// hexIn returns the hexadecimal digits at the beginning of each line of page, up to two spaces,
// without separators.
func hexIn(page string) string {
	var digits strings.Builder
	for line := range strings.Lines(page) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), "  ")
		line = strings.ReplaceAll(line, " ", "")
		if _, err := hex.DecodeString(line); err == nil {
			digits.WriteString(line)
		}
	}
	return digits.String()
}
