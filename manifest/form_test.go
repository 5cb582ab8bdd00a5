package manifest

import (
	"encoding/hex"
	"reflect"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/mail"
)

// The forms of messages from files are frozen, and records with them are read as fast as others.
func TestForm(t *testing.T) {
	for form, want := range map[mail.Form]string{
		{}:                      "",
		{Lines: mail.LinesLF}:   "a10101",
		{Lines: mail.LinesKept}: "a10102",
		{OwnStatus: true}:       "a103f5",
		{FromLine: "From a"}:    "a10246" + hex.EncodeToString([]byte("From a")),
		{Fields: "\x00\x01x"}:   "a10443000178",
		{Ends: "\x03\x01"}:      "a105420301",
		{Lines: mail.LinesLF, FromLine: "F", OwnStatus: true}: "a301010241" + hex.EncodeToString([]byte("F")) + "03f5",
	} {
		record := sampleRecords()[0]
		record.Extensions = nil
		record.SetForm(form)
		if hex.EncodeToString(record.Extensions) != want || record.Form() != form {
			t.Errorf("%+v: have %x, want %s, read as %+v", form, record.Extensions, want, record.Form())
		}
		b, err := EncodeRecords([]Record{record})
		if err != nil {
			t.Fatal(err)
		}
		scanned, ok := scanRecords(b)
		general, err := decodeRecords(b)
		if !ok || err != nil || !reflect.DeepEqual(scanned, general) || scanned[0].Form() != form {
			t.Errorf("%+v: %v, %+v, %v", form, ok, scanned, err)
		}
	}
	var long Record
	if long.SetForm(mail.Form{FromLine: strings.Repeat("x", MaxServerID)}); long.Extensions != nil {
		t.Errorf("%d bytes", len(long.Extensions))
	}
	for _, other := range []string{"a10161", "a1016161", "a10109", "80", "ff", "a1186401"} {
		b, err := hex.DecodeString(other)
		if err != nil {
			t.Fatal(err)
		}
		if form := (&Record{Extensions: b}).Form(); !form.IsZero() {
			t.Errorf("%s is read as %+v", other, form)
		}
	}
}
