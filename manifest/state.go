package manifest

import (
	"bytes"

	"github.com/fxamacker/cbor/v2"

	"github.com/mailstrata/mailstrata/mail"
)

// stateKey is the key of mail.Status.State in the extensions of a mailbox. It is part of the
// durable format.
const stateKey = 1

// encodeState returns the extensions of a mailbox that has a state. parseState inverts it. Other
// extensions, which a later version wrote, stay, and the state is then left out: the next run reads
// the mailbox without it. A new mailbox of a run has no extensions, so nothing is left out of it.
func encodeState(state string, others Extensions) (cbor.RawMessage, error) {
	if state == "" || len(others) > 0 {
		return cbor.RawMessage(others), nil
	}
	if len(state) > mail.MaxState {
		return nil, refuse("a state of %d bytes", len(state))
	}
	return encoding.Marshal(map[uint64]any{stateKey: []byte(state)})
}

// parseState returns the state in the extensions of a mailbox. It is empty if they hold something
// else, or more: then they stay as they are, and only the state is not used.
func parseState(extensions cbor.RawMessage) string {
	var fields map[uint64]cbor.RawMessage
	var state []byte
	if len(extensions) == 0 || cbor.Unmarshal(extensions, &fields) != nil || len(fields) != 1 ||
		cbor.Unmarshal(fields[stateKey], &state) != nil {
		return ""
	}
	if again, err := encodeState(string(state), nil); err != nil || !bytes.Equal(again, extensions) {
		return ""
	}
	return string(state)
}
