package manifest

import (
	"bytes"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// listedKey is the key of Collection.Listed in the extensions of a collection. It is part of the
// durable format.
const listedKey = 1

// encodeListed returns the extensions of a collection that was listed at a time. parseListed
// inverts it. Other extensions stay, and the time is then left out.
func encodeListed(at time.Time, others Extensions) (cbor.RawMessage, error) {
	if at.IsZero() || len(others) > 0 {
		return cbor.RawMessage(others), nil
	}
	ms, err := millis(at)
	if err != nil {
		return nil, err
	}
	return encoding.Marshal(map[uint64]uint64{listedKey: ms})
}

// parseListed inverts encodeListed. Extensions that hold something else, or more, stay as they are.
func parseListed(b cbor.RawMessage) (time.Time, Extensions) {
	var fields map[uint64]uint64
	if len(b) == 0 || cbor.Unmarshal(b, &fields) != nil || len(fields) != 1 || fields[listedKey] == 0 {
		return time.Time{}, Extensions(b)
	}
	at := fromMillis(fields[listedKey])
	if again, err := encodeListed(at, nil); err != nil || !bytes.Equal(again, b) {
		return time.Time{}, Extensions(b)
	}
	return at, nil
}
