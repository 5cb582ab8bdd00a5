package format

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/fxamacker/cbor/v2"
)

// MaxElements bounds every array in a head, table, slot, config, mark or condemnation. Part of the
// durable format.
const MaxElements = 1 << 16

// maxPairs bounds every map. Part of the durable format.
const maxPairs = 64

// Extensions is the map under key 63. Entries that this version does not know are kept as they are.
type Extensions map[uint64]cbor.RawMessage

// cborModes encode and decode CBOR as docs/format.md describes it: one encoding for each value.
var cborModes = sync.OnceValue(func() (c struct {
	cbor.EncMode
	cbor.DecMode
}) {
	var err error
	if c.EncMode, err = cbor.CoreDetEncOptions().EncMode(); err != nil {
		panic(err) // the options are constants
	}
	c.DecMode, err = cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
		MaxNestedLevels:  16,
		MaxArrayElements: MaxElements,
		MaxMapPairs:      maxPairs,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return c
})

// Encode returns the one encoding of v.
func Encode(v any) ([]byte, error) {
	b, err := cborModes().Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return b, nil
}

// Decode inverts Encode. It refuses any encoding that Encode does not make: after decoding it
// encodes v again and compares. So unknown keys, entries that must be absent, long forms of
// numbers, and byte strings of a wrong length are errors.
func Decode(b []byte, v any) error {
	if err := cborModes().Unmarshal(b, v); err != nil {
		return Damaged("%v", err)
	}
	again, err := Encode(v)
	if err != nil {
		return Damaged("%v", err)
	}
	if !bytes.Equal(again, b) {
		return Damaged("not in the one encoding that the format allows")
	}
	return nil
}

// partModes allow the longer arrays of manifests.
var partModes = sync.OnceValues(func() (cbor.DecMode, error) {
	limits := cborModes().DecMode.DecOptions()
	limits.MaxArrayElements = 1 << 20
	return limits.DecMode()
})

// DecodePart decodes those entries of a manifest that v has fields for.
func DecodePart(b []byte, v any) error {
	mode, err := partModes()
	if err != nil {
		return err
	}
	return mode.Unmarshal(b, v)
}
