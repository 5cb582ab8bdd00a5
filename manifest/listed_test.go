package manifest

import (
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
	"time"
)

// The time of a list is frozen as an extension. Extensions that hold anything else stay as they
// are.
func TestListed(t *testing.T) {
	source := func(c Collection) *ItemSource {
		c.Path = "/cal/"
		return &ItemSource{Kind: Calendars, URL: "https://dav.example/", Observed: at(1), Collections: []Collection{c}}
	}
	mustReturn := func(c Collection) []byte {
		t.Helper()
		b, err := EncodeItemSource(source(c))
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseItemSource(b); err != nil || !reflect.DeepEqual(again, source(c)) {
			t.Errorf("%+v, %v", again, err)
		}
		return b
	}
	b := mustReturn(Collection{Listed: time.Date(2026, 3, 9, 2, 0, 1, 0, time.UTC)})
	if !strings.Contains(hex.EncodeToString(b), "183fa1011b0000019cd0529ce8") {
		t.Errorf("%x", b)
	}
	for _, other := range []string{"a10040", "a10100", "a1013903e7", "a2010a0200", "a10140", "a1011bffffffffffffffff"} {
		extensions, err := hex.DecodeString(other)
		if err != nil {
			t.Fatal(err)
		}
		mustReturn(Collection{Extensions: extensions})
	}
}
