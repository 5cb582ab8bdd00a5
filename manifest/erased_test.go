package manifest

import (
	"encoding/hex"
	"errors"
	"reflect"
	"testing"

	"github.com/mailstrata/mailstrata/mail"
)

// TestErasedMessagesCompleteAMailbox freezes the encoding of erased messages. The records and the
// erased UIDs together are the MESSAGES of a complete mailbox.
func TestErasedMessagesCompleteAMailbox(t *testing.T) {
	const frozen = "81" + "a5" + "01" + "44576f726b" + "03412f" + "07" + "8401" + "0a" + "03" + "00" + "0af5" +
		"15" + "82" + "820102" + "820909"
	work := Mailbox{
		Mailbox:  mail.Mailbox{Raw: "Work", Name: "Work", Delimiter: "/", Status: &mail.Status{UIDValidity: 1, UIDNext: 10, Messages: 3}},
		Complete: true,
		Erased:   mail.UIDs(1, 2, 9),
	}
	b, err := EncodeMailboxes([]Mailbox{work})
	if err != nil || hex.EncodeToString(b) != frozen {
		t.Fatalf("%x, %v, want %s", b, err, frozen)
	}
	if back, err := ParseMailboxes(b); err != nil || !reflect.DeepEqual(back, []Mailbox{work}) {
		t.Errorf("%+v, %v, want %+v", back, err, work)
	}
	for name, end := range map[string]string{
		"ranges that meet":        "1583820101820202820909",
		"ranges that descend":     "1582820909820102",
		"a range that runs back":  "1583820102820908820909",
		"UID 0":                   "1582820002820909",
		"fewer than the numbers":  "1581820102",
		"an empty list of ranges": "1580",
	} {
		b, _ := hex.DecodeString(frozen[:len(frozen)-len("1582820102820909")] + end)
		if _, err := ParseMailboxes(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	label := Mailbox{Mailbox: mail.Mailbox{Raw: "Work", Name: "Work", Label: true}, Erased: mail.UIDs(1)}
	if _, err := EncodeMailboxes([]Mailbox{label}); err == nil {
		t.Error("a label has erased messages")
	}
}

// TestErasedMessagesAreCounted checks that the erased messages of a manifest are the sum over its
// mailboxes.
func TestErasedMessagesAreCounted(t *testing.T) {
	m := sampleManifest()
	box := m.Mailboxes[0]
	box.Erased, box.Complete = mail.UIDs(1000, 1001), false
	if err := m.SetMailboxes([]Mailbox{box}, nil); err != nil {
		t.Fatal(err)
	}
	if m.Totals.Erased != 2 {
		t.Errorf("%d erased, want 2", m.Totals.Erased)
	}
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if back, err := Parse(b); err != nil || back.Totals.Erased != 2 {
		t.Errorf("%+v, %v", back, err)
	}
	m.Totals.Erased = 1
	if _, err := m.Encode(); err == nil {
		t.Error("a manifest whose count of erased messages is wrong")
	}
}
