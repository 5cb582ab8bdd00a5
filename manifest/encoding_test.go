package manifest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// form is an encoded type: a sample, its encoder and its parser.
type form struct {
	name   string
	sample any
	encode func(any) ([]byte, error)
	parse  func([]byte) (any, error)
}

func forms() []form {
	naming := sampleManifest()
	naming.NameServerPart(id(99))
	return []form{
		{"manifest", sampleManifest(), func(v any) ([]byte, error) { return v.(*Manifest).Encode() }, anyParser(Parse)},
		{"records", sampleRecords(), anyEncoder(EncodeRecords), anyParser(ParseRecords)},
		{"flags", sampleFlags(), anyEncoder(EncodeFlags), anyParser(ParseFlags)},
		{"parts", sampleParts(), anyEncoder(EncodeParts), anyParser(ParseParts)},
		{"page list", samplePages(), anyEncoder(EncodePageList), anyParser(ParsePageList)},
		{"mailboxes", sampleMailboxes(), anyEncoder(EncodeMailboxes), anyParser(ParseMailboxes)},
		{"list group", ids(1, 2, 3, 4, 5, 6, 7), anyEncoder(EncodeListGroup), anyParser(ParseListGroup)},
		{"mailboxes with groups", sampleGroupedMailboxes(), anyEncoder(EncodeMailboxes), anyParser(ParseMailboxes)},
		{"server part", sampleServerPart(), anyEncoder(EncodeServer), anyParser(ParseServer)},
		{"manifest with a server part", naming, func(v any) ([]byte, error) { return v.(*Manifest).Encode() }, anyParser(Parse)},
		{"item source", sampleItemSource(), anyEncoder(EncodeItemSource), anyParser(ParseItemSource)},
		{"items", sampleItems(), anyEncoder(EncodeItems), anyParser(ParseItems)},
		{"properties", sampleProperties(), anyEncoder(EncodeProperties), anyParser(ParseProperties)},
		{"manifest with properties", samplePropertyManifest(), func(v any) ([]byte, error) { return v.(*Manifest).Encode() }, anyParser(Parse)},
		{"manifest with sources", sampleSourcesManifest(), func(v any) ([]byte, error) { return v.(*Manifest).Encode() }, anyParser(Parse)},
		{"manifest with item sources", sampleItemManifest(), func(v any) ([]byte, error) { return v.(*Manifest).Encode() }, anyParser(Parse)},
	}
}

func anyEncoder[T any](encode func(T) ([]byte, error)) func(any) ([]byte, error) {
	return func(v any) ([]byte, error) { return encode(v.(T)) }
}

func anyParser[T any](parse func([]byte) (T, error)) func([]byte) (any, error) {
	return func(b []byte) (any, error) { return parse(b) }
}

func TestParseInvertsEncode(t *testing.T) {
	for _, f := range forms() {
		b, err := f.encode(f.sample)
		if err != nil {
			t.Errorf("%s: %v", f.name, err)
			continue
		}
		again, err := f.parse(b)
		if err != nil {
			t.Errorf("%s: %v", f.name, err)
		} else if !reflect.DeepEqual(again, f.sample) {
			t.Errorf("%s:\n got %+v\nwant %+v", f.name, again, f.sample)
		}
	}
}

// TestStrict encodes every item of every sample in every other way. No parser may accept it as the
// same value.
func TestStrict(t *testing.T) {
	for _, f := range forms() {
		b, err := f.encode(f.sample)
		if err != nil {
			t.Fatal(err)
		}
		root, rest := dissect(b)
		if len(rest) > 0 || !bytes.Equal(root.write(nil), b) {
			t.Fatalf("%s: the test cannot read its own sample", f.name)
		}
		count, free := 0, root.extensions()
		for i, n := range root.all() {
			for how, other := range n.variants() {
				count++
				changed := root.write(func(m *node) ([]byte, bool) { return other, m == n })
				if bytes.Equal(changed, b) {
					continue
				}
				legal := otherValues[how] || free[n] && inExtensions[how]
				mustRefuseOrDiffer(t, f, b, changed, legal, fmt.Sprintf("item %d %s", i, how))
			}
		}
		if count < 100 {
			t.Errorf("%s: only %d variants", f.name, count)
		}
	}
}

// These variants have other values, which the format allows everywhere or in extensions.
var (
	otherValues  = map[string]bool{"too large": true, "too small": true}
	inExtensions = map[string]bool{
		"null": true, "simple value": true, "as an array": true, "as text": true, "as numbers": true, "one null more": true,
		"unknown key": true, "text key": true, "empty entry": true,
	}
)

func mustRefuseOrDiffer(t *testing.T, f form, original, changed []byte, legal bool, how string) {
	t.Helper()
	v, err := f.parse(changed)
	if err == nil && !legal {
		t.Errorf("%s: %s: accepted: %x", f.name, how, changed)
		return
	}
	if err != nil {
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %s: an error that is not ErrMalformed: %v", f.name, how, err)
		}
		return
	}
	if again, err := f.encode(v); err != nil || !bytes.Equal(again, changed) || bytes.Equal(again, original) {
		t.Errorf("%s: %s: accepted, and encodes to %x, %v", f.name, how, again, err)
	}
}

func TestTruncatedOrExtended(t *testing.T) {
	for _, f := range forms() {
		b, err := f.encode(f.sample)
		if err != nil {
			t.Fatal(err)
		}
		for n := range b {
			if _, err := f.parse(b[:n]); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s cut to %d bytes: %v", f.name, n, err)
			}
		}
		if _, err := f.parse(append(bytes.Clone(b), 0)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s and a zero byte: %v", f.name, err)
		}
	}
}

// The encoding of each form never changes.
func TestVectors(t *testing.T) {
	for _, f := range forms() {
		b, err := f.encode(f.sample)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(b); got != strings.Join(strings.Fields(vectors[f.name]), "") {
			t.Errorf("%s is encoded otherwise than it was:\n%s", f.name, got)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	content, err := sampleManifest().Encode()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Parse(content); err != nil {
			b.Fatal(err)
		}
	}
}

// A program that does not know a key says that a newer one may have written it.
func TestKeyOfANewerProgram(t *testing.T) {
	_, err := ParseServer([]byte("\xa1\x18\x3d\x01"))
	if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "newer mailstrata") {
		t.Error(err)
	}
}
