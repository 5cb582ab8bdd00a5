package manifest

import (
	"bytes"
	"errors"
	"testing"
)

// fuzz checks that a parser accepts only what an encoder returns.
func fuzz(f *testing.F, name string) {
	for _, form := range forms() {
		if form.name != name {
			continue
		}
		b, err := form.encode(form.sample)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add([]byte{})
		f.Add([]byte{0x80})
		f.Add([]byte{0xa0})
		f.Fuzz(func(t *testing.T, b []byte) {
			v, err := form.parse(b)
			if err != nil {
				if !errors.Is(err, ErrMalformed) {
					t.Fatalf("an error that is not ErrMalformed: %v", err)
				}
				return
			}
			again, err := form.encode(v)
			if err != nil || !bytes.Equal(b, again) {
				t.Fatalf("%x is encoded as %x, %v", b, again, err)
			}
		})
	}
}

// Whatever a parser accepts is encoded as the same bytes.
func FuzzParse(f *testing.F)          { fuzz(f, "manifest") }
func FuzzParseRecords(f *testing.F)   { fuzz(f, "records") }
func FuzzParseFlags(f *testing.F)     { fuzz(f, "flags") }
func FuzzParseParts(f *testing.F)     { fuzz(f, "parts") }
func FuzzParsePageList(f *testing.F)  { fuzz(f, "page list") }
func FuzzParseMailboxes(f *testing.F) { fuzz(f, "mailboxes") }
func FuzzParseServer(f *testing.F)    { fuzz(f, "server part") }
func FuzzParseNaming(f *testing.F)    { fuzz(f, "manifest with a server part") }
