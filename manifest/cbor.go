package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// encoding is core deterministic CBOR (RFC 8949 section 4.2.1) with Go strings as byte strings,
// because text from servers need not be UTF-8. decoding inverts it. decoding accepts some other
// encodings (longer heads, unsorted keys, null, text strings, hashes of the wrong length);
// canonical refuses them by encoding again.
var (
	encoding = must(cbor.EncOptions{
		Sort:          cbor.SortCoreDeterministic,
		String:        cbor.StringToByteString,
		NilContainers: cbor.NilContainerAsEmpty,
		IndefLength:   cbor.IndefLengthForbidden,
		TagsMd:        cbor.TagsForbidden,
	}.EncMode())

	decoding         = strict(maxElements)
	manifestDecoding = strict(maxNotes)

	// extensionEncoding and extensionDecoding distinguish text strings from byte strings.
	extensionEncoding = must(cbor.EncOptions{
		Sort:        cbor.SortCoreDeterministic,
		IndefLength: cbor.IndefLengthForbidden,
		TagsMd:      cbor.TagsForbidden,
	}.EncMode())

	extensionDecoding = must(cbor.DecOptions{
		DupMapKey:       cbor.DupMapKeyEnforcedAPF,
		IndefLength:     cbor.IndefLengthForbidden,
		TagsMd:          cbor.TagsForbidden,
		MaxNestedLevels: 15,
		MaxMapPairs:     maxPairs,
	}.DecMode())
)

// maxElements bounds every array except those of a manifest. It is the largest limit of any of
// them. The decoder sees the whole input before it allocates a slice, so no slice is longer than
// the input.
const maxElements = max(MaxPageRecords, maxParts, maxListPages, maxTableRows, maxFlags, maxNames, maxLists, maxErased)

// maxPairs bounds every map. Part of the durable format.
const maxPairs = 64

func strict(elements int) cbor.DecMode {
	return must(cbor.DecOptions{
		DupMapKey:          cbor.DupMapKeyEnforcedAPF,
		IndefLength:        cbor.IndefLengthForbidden,
		TagsMd:             cbor.TagsForbidden,
		ExtraReturnErrors:  cbor.ExtraDecErrorUnknownField,
		ByteStringToString: cbor.ByteStringToStringAllowed,
		MaxNestedLevels:    16,
		MaxArrayElements:   elements,
		MaxMapPairs:        maxPairs,
	}.DecMode())
}

func must[M any](mode M, err error) M {
	if err != nil {
		panic(err) // only for contradictory options
	}
	return mode
}

// marshal returns the only encoding of row. what names it in errors.
func marshal(what string, row any, limit int) ([]byte, error) {
	b, err := encoding.Marshal(row)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", what, err)
	}
	if len(b) > limit {
		return nil, refuse("%s would have %d bytes, the limit is %d", what, len(b), limit)
	}
	return b, nil
}

// unmarshal fills row from b. It does not check that b is the only encoding; canonical does.
func unmarshal(what string, mode cbor.DecMode, b []byte, row any, limit int) error {
	if len(b) > limit {
		return malformed(what, refuse("%d bytes, the limit is %d", len(b), limit))
	}
	err := mode.Unmarshal(b, row)
	if unknown := new(cbor.UnknownFieldError); errors.As(err, &unknown) {
		err = fmt.Errorf("%w (a newer mailstrata may have written it)", err)
	}
	if err != nil {
		return malformed(what, err)
	}
	return nil
}

// canonical returns v, which was parsed from b, or an error if encode returns other bytes.
func canonical[V any](what string, b []byte, v V, encode func(V) ([]byte, error)) (V, error) {
	again, err := encode(v)
	if err == nil && !bytes.Equal(b, again) {
		err = errors.New("not in the deterministic encoding of the format")
	}
	if err != nil {
		var none V
		return none, malformed(what, err)
	}
	return v, nil
}

func malformed(what string, err error) error {
	if errors.Is(err, ErrMalformed) {
		return err
	}
	return fmt.Errorf("%s: %w: %w", what, ErrMalformed, err)
}

// check refuses extensions that are not a non-empty map with unsigned keys in deterministic
// encoding.
func (e Extensions) check() error {
	if e == nil {
		return nil
	}
	var fields map[uint64]any
	if err := extensionDecoding.Unmarshal(e, &fields); err != nil {
		return refuse("extensions: %v", err)
	}
	again, err := extensionEncoding.Marshal(fields)
	if err != nil || !bytes.Equal(e, again) || len(fields) == 0 || containsFloat(fields) {
		return refuse("extensions are not a map in deterministic encoding")
	}
	return nil
}

// containsFloat reports whether v contains a float. The format has none, and the decoder cannot
// refuse them.
func containsFloat(v any) bool {
	switch v := v.(type) {
	case float32, float64:
		return true
	case []any:
		return slices.ContainsFunc(v, containsFloat)
	case map[any]any:
		for key, value := range v {
			if containsFloat(key) || containsFloat(value) {
				return true
			}
		}
	case map[uint64]any:
		for _, value := range v {
			if containsFloat(value) {
				return true
			}
		}
	}
	return false
}

// millis returns a time in the format: milliseconds since 1970. The zero time is 0, which is
// omitted.
func millis(t time.Time) (uint64, error) {
	if t.IsZero() {
		return 0, nil
	}
	ms := t.UnixMilli()
	if ms < 0 {
		return 0, refuse("the time %s is before 1970", t.UTC().Format(time.RFC3339))
	}
	return uint64(ms), nil
}

// fromMillis inverts millis. A number that millis does not return becomes a time that millis
// refuses.
func fromMillis(ms uint64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(ms)).UTC()
}

// hashBytes returns the 32 bytes of a hash, or nil for the zero hash.
func hashBytes(hash [32]byte) []byte {
	if hash == [32]byte{} {
		return nil
	}
	return hash[:]
}

// fromHashBytes inverts hashBytes. From another number of bytes it makes a hash that hashBytes
// encodes differently.
func fromHashBytes(b []byte) (hash [32]byte) {
	copy(hash[:], b)
	return hash
}

// sorted returns list in ascending order without duplicates, as the format encodes sets. It copies
// the list only if needed.
func sorted(list []string) []string {
	for i := 1; i < len(list); i++ {
		if list[i-1] >= list[i] {
			list = slices.Clone(list)
			slices.Sort(list)
			return slices.Compact(list)
		}
	}
	return list
}
