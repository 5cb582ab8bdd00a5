package manifest

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/mail"
)

// The state of a mailbox is frozen as an extension. Extensions that hold anything else stay as they
// are.
func TestState(t *testing.T) {
	box := Mailbox{Mailbox: mail.Mailbox{Raw: "INBOX", Name: "INBOX", Status: &mail.Status{UIDNext: 1, State: "s1"}}}
	b, err := EncodeMailboxes([]Mailbox{box})
	if err != nil || !strings.Contains(hex.EncodeToString(b), "183fa101427331") {
		t.Fatalf("%x, %v", b, err)
	}
	if again, err := ParseMailboxes(b); err != nil || !reflect.DeepEqual(again, []Mailbox{box}) {
		t.Errorf("%+v, %v", again, err)
	}
	box.Status.State = strings.Repeat("x", 256)
	if _, err := EncodeMailboxes([]Mailbox{box}); err == nil {
		t.Error("a state of 256 bytes is encoded")
	}
	for _, other := range []string{"a10040", "a1010a", "a1016173", "a201417302f5", "a10140"} {
		extensions, err := hex.DecodeString(other)
		if err != nil {
			t.Fatal(err)
		}
		box := Mailbox{Mailbox: mail.Mailbox{Raw: "INBOX", Name: "INBOX", Status: &mail.Status{UIDNext: 1}}, Extensions: extensions}
		b, err := EncodeMailboxes([]Mailbox{box})
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseMailboxes(b); err != nil || !reflect.DeepEqual(again, []Mailbox{box}) {
			t.Errorf("%s: %+v, %v", other, again, err)
		}
		box.Status.State = "s1" // is left out
		if both, err := EncodeMailboxes([]Mailbox{box}); err != nil || !bytes.Equal(both, b) {
			t.Errorf("%s, with a state: %x, %v, want %x", other, both, err, b)
		}
	}
}
