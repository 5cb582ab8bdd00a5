package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// encoding is core deterministic CBOR in which a Go string is a byte string: text from servers need not be UTF-8.
// decoding is its inverse. What decoding lets pass of other encodings (longer heads, unsorted keys, null, text strings,
// hashes of the wrong length) canonical finds, by encoding again.
var (
	encoding = must(cbor.EncOptions{
		Sort:          cbor.SortCoreDeterministic,
		String:        cbor.StringToByteString,
		NilContainers: cbor.NilContainerAsEmpty,
		IndefLength:   cbor.IndefLengthForbidden,
		TagsMd:        cbor.TagsForbidden,
	}.EncMode())

	decoding         = strict(maxElements)
	manifestDecoding = strict(MaxNotes)

	// extensionEncoding and extensionDecoding keep text and byte strings apart.
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

// maxElements bounds every array but a manifest's own, by the largest that any of them may have. The decoder has seen
// the whole input before it makes a slice; so no array is longer than its input either.
const maxElements = max(MaxPageRecords, MaxParts, MaxListPages, MaxTableRows, MaxFlags, MaxNames, MaxLists, MaxErased)

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
		panic(err) // only for options that contradict each other, which every test would show
	}
	return mode
}

// encode is the one encoding of row.
func encode(what string, row any, limit int) ([]byte, error) {
	b, err := encoding.Marshal(row)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", what, err)
	}
	if len(b) > limit {
		return nil, refuse("%s would have %d bytes, the limit is %d", what, len(b), limit)
	}
	return b, nil
}

// decode fills row. It does not yet know that b is the one encoding; canonical tells.
func decode(what string, mode cbor.DecMode, b []byte, row any, limit int) error {
	if len(b) > limit {
		return malformed(what, refuse("%d bytes, the limit is %d", len(b), limit))
	}
	if err := mode.Unmarshal(b, row); err != nil {
		return malformed(what, err)
	}
	return nil
}

// canonical refuses b unless it is what was parsed of it, encoded again.
func canonical(what string, b, again []byte, err error) error {
	if err != nil {
		return malformed(what, err)
	}
	if !bytes.Equal(b, again) {
		return malformed(what, errors.New("not in the one encoding that a writer makes"))
	}
	return nil
}

func malformed(what string, err error) error {
	if errors.Is(err, ErrMalformed) {
		return err
	}
	return fmt.Errorf("%s: %w: %w", what, ErrMalformed, err)
}

// check refuses extensions that are not a deterministically encoded map with unsigned keys.
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

// containsFloat looks for what the format rules out and the decoder has no option against.
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

// millis is a time as the format has it; the zero time is 0, which is absent.
func millis(t time.Time) (uint64, error) {
	if t.IsZero() {
		return 0, nil
	}
	ms := t.UnixMilli()
	if ms < 0 {
		return 0, refuse("the time %s lies before 1970", t.UTC().Format(time.RFC3339))
	}
	return uint64(ms), nil
}

// fromMillis inverts millis. What millis would not have made becomes a time that it refuses.
func fromMillis(ms uint64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(ms)).UTC()
}

// hashBytes is 32 bytes, or nothing for the zero hash.
func hashBytes(hash [32]byte) []byte {
	if hash == [32]byte{} {
		return nil
	}
	return hash[:]
}

// fromHashBytes inverts hashBytes. Of another number of bytes it makes what, encoded again, differs.
func fromHashBytes(b []byte) (hash [32]byte) {
	copy(hash[:], b)
	return hash
}

// sorted is list ascending, each text once: as the format wants sets. It copies only what is not.
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
