package manifest

import (
	"encoding/hex"
	"reflect"
	"testing"

	"github.com/mailstrata/mailstrata/mail"
)

// The encoding of Unproven is frozen.
func TestUnproven(t *testing.T) {
	m := Mailbox{Mailbox: mail.Mailbox{Raw: "Work", Name: "Work"}, Unproven: true}
	const frozen = "81" + "a2" + "0144576f726b" + "14f5"
	b, err := EncodeMailboxes([]Mailbox{m})
	if err != nil || hex.EncodeToString(b) != frozen {
		t.Errorf("have %x, %v", b, err)
	}
	if back, err := ParseMailboxes(b); err != nil || !reflect.DeepEqual(back, []Mailbox{m}) {
		t.Errorf("it is read as %+v, %v", back, err)
	}
}
