package charset_test

import (
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/mail/charset"
)

// A text is decoded by the charset that it names, or by the one that its bytes show if it cannot be
// that.
func TestDecode(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"", "Gr\xfc\xdfe", "Grüße"},
		{"", "Grüße", "Grüße"},
		{"", "\x1b$B$3$s\x1b(B", "こん"},
		{"us-ascii", "Gr\xc3\xbc\xc3\x9fe", "Grüße"},
		{"utf-8", "Grüße und \xe4", "Grüße und \uFFFD"},
		{"utf-8", "Gr\xfc\xdfe", "Grüße"}, // not UTF-8 at all
		{"UTF8", "ä", "ä"},
		{"\"utf-8\"", "ä", "ä"},
		{"no-such", "\xe4", "ä"},
		{"unknown-8bit", "ä", "ä"},
		{"iso-8859-1", "\x93x\x94", "“x”"},
		{"ISO_8859-1:1987", "\xe4", "ä"},
		{"iso8859-7", "\xea\xe1\xe9", "και"},
		{"iso-8859-15", "\xa4", "€"},
		{"cp-1251", "\xcf\xf0\xe8", "При"},
		{"koi8-r", "\xf0\xd2\xc9", "При"},
		{"cp850", "\x84", "ä"},
		{"tis-620", "\xa1\xd2", "กา"},
		{"iso-2022-jp", "\x1b$B$3$s\x1b(Bx", "こんx"},
		{"shift_jis", "\x82\xb1", "こ"},
		{"cp932", "\x82\xb1", "こ"},
		{"euc-kr", "\xc7\xd1", "한"},
		{"ks_c_5601-1987", "\xc7\xd1", "한"},
		{"iso-2022-kr", "\x1b$)C\x0eGQ\x0f x", "한 x"},
		{"iso-2022-cn", "\x1b$)A\x0eVP\x0f x", "中 x"},
		{"hz-gb-2312", "~{VP~} x", "中 x"},
		{"gb2312", "\xd6\xd0", "中"},
		{"gb18030", "\xd6\xd0", "中"},
		{"big5", "\xa4\xa4", "中"},
		{"utf-7", "Gr+APwA3w-e +- a+b, c+bc", "Grüße + a+b, c+bc"},
		{"unicode-1-1-utf-7", "+2Dzf-x", "\uFFFDx"},
		{"utf-16", "\xff\xfea\x00", "a"},
		{"utf-16", "\x00a", "a"},
		{"utf-16le", "a\x00", "a"},
		{"utf-32be", "\x00\x00\x00a", "a"},
	} {
		if got := charset.Decode(c.name, []byte(c.text)); got != c.want {
			t.Errorf("%q in %q: %q, want %q", c.text, c.name, got, c.want)
		}
	}
}

// TestNames requires that names of character sets that mail has are known.
func TestNames(t *testing.T) {
	for _, name := range []string{
		"US-ASCII", "ANSI_X3.4-1968", "ISO-8859-1", "iso-8859-8-i", "ISO-8859-16", "windows-1250", "Windows-1252", "cp1252",
		"x-mac-cyrillic", "macintosh", "KOI8-U", "x-sjis", "x-euc-jp", "ISO-2022-JP-2", "x-gbk", "GBK", "Big5-HKSCS", "IBM866",
		"utf-8", "UTF-16BE", "csISO2022JP", "x-windows-949",
	} {
		if _, known := charset.Lookup(name); !known {
			t.Errorf("%s is not known", name)
		}
	}
	for _, name := range []string{"", "no-such", "x-user", "charset=utf-8x"} {
		if _, known := charset.Lookup(name); known {
			t.Errorf("%q is known", name)
		}
	}
}

// A decoded text is not much longer than its bytes.
func FuzzDecode(f *testing.F) {
	for _, name := range []string{"", "utf-7", "iso-2022-kr", "iso-2022-cn", "iso-2022-jp", "gb18030", "big5", "utf-16", "utf-32", "hz"} {
		f.Add(name, []byte("a+APw-\x1b$)C\x0eGQ\x0f\xff"))
	}
	f.Fuzz(func(t *testing.T, name string, text []byte) {
		if got := charset.Decode(name, text); len(got) > 10*len(text)+3 {
			t.Fatalf("%d bytes of %d", len(got), len(text))
		}
	})
}

// TestTime requires that a MB is decoded in little time whatever they are.
func TestTime(t *testing.T) {
	for _, name := range []string{"", "utf-8", "utf-7", "iso-2022-jp", "iso-2022-kr", "gb18030", "big5", "hz", "utf-16"} {
		for _, unit := range []string{"+", "+A", "\x1b", "\x1b$B", "\xff", "\x0e", "~{", "\xc3\xbc"} {
			text := make([]byte, 0, 1<<20+8)
			for len(text) < 1<<20 {
				text = append(text, unit...)
			}
			begin := time.Now()
			charset.Decode(name, text)
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("%q of %q took %v", name, unit, took)
			}
		}
	}
}
