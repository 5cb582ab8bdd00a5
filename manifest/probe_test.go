package manifest

import (
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

// The encoding of a record with ByID and a probe is frozen.
func TestProbe(t *testing.T) {
	r := Record{
		UID: 7, Size: 8192, Hash: id(1), Parts: []Part{{Kind: mail.HeaderPart, Chunks: []chunk.ID{id(2)}}},
		IDs: mail.IDs{XGUID: "a1"}, ByID: true, Probe: chunk.Prefix([]byte("0123456789abcdef")),
	}
	frozen := "81" + "8707192000" + "5820" + id(1).String() + "0000" + "8182015820" + id(2).String() +
		"a3" + "07426131" + "0af5" + "0c50" + hex.EncodeToString(r.Probe[:])
	b, err := EncodeRecords([]Record{r})
	if err != nil || hex.EncodeToString(b) != frozen {
		t.Errorf("have %x, %v", b, err)
	}
	if back, err := ParseRecords(b); err != nil || !reflect.DeepEqual(back, []Record{r}) {
		t.Errorf("it is read as %+v, %v", back, err)
	}
	for _, other := range []string{"0c40", "0c4f" + strings.Repeat("30", 15), "0c51" + strings.Repeat("30", 17), "0c50" + strings.Repeat("00", 16)} {
		b, _ := hex.DecodeString(strings.TrimSuffix(frozen, "0c50"+hex.EncodeToString(r.Probe[:])) + other)
		if _, err := ParseRecords(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("a probe %s: %v", other, err)
		}
	}
	r.Opening = chunk.Prefix([]byte("fedcba9876543210"))
	frozen = strings.Replace(frozen, "a3"+"0742", "a4"+"0742", 1) + "0d50" + hex.EncodeToString(r.Opening[:])
	b, err = EncodeRecords([]Record{r})
	if err != nil || hex.EncodeToString(b) != frozen {
		t.Errorf("with an opening: have %x, %v", b, err)
	}
	if back, err := ParseRecords(b); err != nil || !reflect.DeepEqual(back, []Record{r}) {
		t.Errorf("it is read as %+v, %v", back, err)
	}
	alone := r
	alone.Probe = chunk.Prefix{}
	if _, err := EncodeRecords([]Record{alone}); !errors.Is(err, ErrLimit) {
		t.Errorf("an opening without a probe: %v", err)
	}
	r.Size--
	if _, err := EncodeRecords([]Record{r}); !errors.Is(err, ErrLimit) {
		t.Errorf("a probe of a small message: %v", err)
	}
}

// Messages taken by id have totals of their own.
func TestTakenByID(t *testing.T) {
	m := sampleManifest()
	before, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	m.Totals.TakenMessages, m.Totals.TakenBytes = 3, 700
	after, err := m.Encode()
	if err != nil || !strings.Contains(hex.EncodeToString(after), "16"+"82031902bc") || len(after) != len(before)+6 {
		t.Errorf("have %x, %v", after, err)
	}
	if back, err := Parse(after); err != nil || back.Totals != m.Totals {
		t.Errorf("it is read as %+v, %v", back, err)
	}
}
