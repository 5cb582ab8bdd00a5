package plaintext

import "testing"

// UTF-16 and the byte order marks of Windows are decoded; all other bytes stay.
func TestDecode(t *testing.T) {
	for text, want := range map[string]string{
		"pw": "pw", "": "", "\xef\xbb\xbfpw\r\n": "pw\r\n", "\xff\xfep\x00w\x00": "pw", "\xfe\xff\x00p\x00\xe4": "pä", "\xff\xfe\x3d\xd8\x00\xde": "😀",
		"p\xff\xfe": "p\xff\xfe",
	} {
		if got, err := Decode([]byte(text)); string(got) != want || err != nil {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	if _, err := Decode([]byte("\xff\xfep")); err == nil {
		t.Error("half a character passes")
	}
}

// A decoded text is not much longer than its file.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("\xff\xfep\x00w\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if got, err := Decode(text); err == nil && len(got) > 2*len(text)+4 {
			t.Errorf("%d bytes of %d", len(got), len(text))
		}
	})
}
