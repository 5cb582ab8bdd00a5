package manifest

import (
	"encoding/hex"
	"errors"
	"reflect"
	"testing"

	"github.com/mailstrata/mailstrata/mail"
)

// A label is a mailbox without messages. Its encoding is frozen.
func TestLabel(t *testing.T) {
	label := Mailbox{Mailbox: mail.Mailbox{Raw: "Work", Name: "Work", Delimiter: "/", Subscribed: true, Label: true}}
	const frozen = "81" + "a4" + "0144576f726b" + "03412f" + "06f5" + "13f5"
	b, err := EncodeMailboxes([]Mailbox{label})
	if err != nil || hex.EncodeToString(b) != frozen {
		t.Errorf("have %x, %v", b, err)
	}
	if back, err := ParseMailboxes(b); err != nil || !reflect.DeepEqual(back, []Mailbox{label}) {
		t.Errorf("it is read as %+v, %v", back, err)
	}
	for name, read := range map[string]func(*Mailbox){
		"numbers":  func(m *Mailbox) { m.Status = &mail.Status{UIDValidity: 1} },
		"unproven": func(m *Mailbox) { m.Unproven = true },
		"messages": func(m *Mailbox) { m.Pages, m.Messages = samplePages(), 513 },
		"complete": func(m *Mailbox) { m.Complete = true },
	} {
		m := label
		read(&m)
		if _, err := EncodeMailboxes([]Mailbox{m}); !errors.Is(err, ErrLimit) {
			t.Errorf("with %s: %v", name, err)
		}
	}
}
