package manifest

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

// scannedRecords are record pages with each field that is scanned, and numbers with each length of
// a head.
func scannedRecords(tb testing.TB) (pages [][]byte) {
	tb.Helper()
	all := sampleRecords()
	plain := []Record{all[0], all[1]}
	ids := mail.IDs{Email: "M1", Thread: "T1", XGUID: "\x00\xff", GMMsg: "1278455344230334865", GMThread: "1266894439832287888"}
	full := []Record{
		{UID: 300, Size: 70_000, Hash: id(1), List: id(2), Hint: 69_999, Probe: chunk.Prefix{1}, Opening: chunk.Prefix{2}, IDs: ids, ByID: true},
		{UID: 1 << 31, Size: 24, Hash: id(3), Parts: plain[0].Parts, Saved: mail.Date{Seconds: -1, Zone: -720}},
		{UID: 1<<32 - 1, Hash: id(4), Saved: mail.Date{Zone: 1440}},
	}
	var many []Record
	for i := range MaxPageRecords {
		many = append(many, message(mail.UID(i+1), 0).Record)
		many[i].Probe, many[i].Size = chunk.Prefix{byte(i), 1}, MinProbed
	}
	for _, records := range [][]Record{plain, full, many, many[:1], many[:24]} {
		b, err := EncodeRecords(records)
		if err != nil {
			tb.Fatal(err)
		}
		pages = append(pages, b)
	}
	return pages
}

// TestScanRecords: the fast parser takes what EncodeRecords writes, except of rare records, and
// ParseRecords accepts and returns exactly what the general decoder does, for intact pages and for
// damaged ones.
func TestScanRecords(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for i, b := range scannedRecords(t) {
		if _, ok := scanRecords(b); !ok {
			t.Fatalf("page %d is not scanned", i)
		}
		equalRecords(t, b)
		for range 2000 {
			equalRecords(t, damaged(random, b))
		}
	}
	rare, err := EncodeRecords(sampleRecords())
	if err != nil {
		t.Fatal(err)
	}
	equalRecords(t, rare)
}

// FuzzScanRecords states the same of any input.
func FuzzScanRecords(f *testing.F) {
	for _, b := range scannedRecords(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) { equalRecords(t, b) })
}

func equalRecords(t *testing.T, b []byte) {
	t.Helper()
	records, err := ParseRecords(b)
	expected, refused := decodeRecords(b)
	if (err == nil) != (refused == nil) || !reflect.DeepEqual(records, expected) {
		t.Fatalf("%x: %v and %v; the general decoder returns %v and %v", b[:min(len(b), 100)], records, err, expected, refused)
	}
}

func BenchmarkParseRecords(b *testing.B) {
	page := scannedRecords(b)[2]
	for name, parse := range map[string]func([]byte) ([]Record, error){"scan": ParseRecords, "general": decodeRecords} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(page)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := parse(page); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
