package safename

import (
	"strings"
	"testing"
	"unicode"
)

var (
	dotless  = Style{Dots: true}
	plain    = Style{Reserved: IsDevice}
	readable = Style{Reserved: IsDevice, UTF8: true}
)

// A level of a mailbox name has one safe name for each style, and is decoded from it.
func TestEncode(t *testing.T) {
	for _, test := range []struct{ level, dotless, plain string }{
		{"Sent", "Sent", "Sent"},
		{"Sent Mail", "Sent Mail", "Sent Mail"},
		{"Entwürfe", "Entw&APw-rfe", "Entw&APw-rfe"},
		{"日本語", "&ZeVnLIqe-", "&ZeVnLIqe-"},
		{"😀-", "&2D3eAA--", "&2D3eAA--"},
		{"R&D", "R&-D", "R&-D"},
		{"", "%", "%"},
		{"%", "%25", "%25"},
		{"50% off", "50% off", "50% off"},
		{"50%off", "50%off", "50%off"},
		{"%2e", "%252e", "%252e"},
		{"%%41", "%%2541", "%%2541"},
		{".", "%2E", "%2E"},
		{"..", "%2E%2E", "%2E%2E"},
		{"...", "%2E%2E%2E", "%2E.%2E"},
		{"v1.2", "v1%2E2", "v1.2"},
		{".ssh", "%2Essh", "%2Essh"},
		{"a/b", "a%2Fb", "a%2Fb"},
		{`a\b:c*d?e"f<g>h|i`, "a%5Cb%3Ac%2Ad%3Fe%22f%3Cg%3Eh%7Ci", "a%5Cb%3Ac%2Ad%3Fe%22f%3Cg%3Eh%7Ci"},
		{"~root", "%7Eroot", "%7Eroot"},
		{"a~b", "a~b", "a~b"},
		{" x ", "%20x%20", "%20x%20"},
		{"x.", "x%2E", "x%2E"},
		{"a\x00b\n\x7f", "a%00b%0A%7F", "a%00b%0A%7F"},
		{"Entw\xfcrfe", "Entw%FCrfe", "Entw%FCrfe"},
		{"é\xff", "&AOk-%FF", "&AOk-%FF"},
		{"CON", "CON", "%43ON"},
		{"nul.txt", "nul%2Etxt", "%6Eul.txt"},
		{"Com1 .x", "Com1 %2Ex", "%43om1 .x"},
		{"COM¹", "COM&ALk-", "%43OM&ALk-"},
		{"console", "console", "console"},
	} {
		if got := dotless.Encode(test.level); got != test.dotless {
			t.Errorf("%q without dots is %q, want %q", test.level, got, test.dotless)
		}
		if got := plain.Encode(test.level); got != test.plain {
			t.Errorf("%q is %q, want %q", test.level, got, test.plain)
		}
		checkSafe(t, test.level)
	}
}

// Names in UTF-8 stay as people know them, as far as they are clear.
func TestUTF8(t *testing.T) {
	for level, want := range map[string]string{
		"Entwürfe": "Entwürfe", "日本語": "日本語", "😀 & co": "😀 & co", "R&D": "R&D", "R&-D": "R%26-D", "&APw-": "%26APw-", "&&APw-": "&%26APw-",
		"a\u00a0b": "a%C2%A0b", "x\u202ey": "x%E2%80%AEy", "\ue000": "%EE%80%80", "u\u0308": "u&Awg-", "&u\u0308-": "&-u&Awg--", "é\xff": "é%FF", "ü/ä": "ü%2Fä",
		"\ufffd": "\ufffd", " ü ": "%20ü%20",
	} {
		if have := readable.Encode(level); have != want {
			t.Errorf("%q is %q, want %q", level, have, want)
		}
		checkSafe(t, level)
	}
	if long := Shorten(readable.Encode(strings.Repeat("日", 100))); isHarmful(readable, long) || len(long) > longest {
		t.Errorf("%q", long)
	}
}

// checkSafe checks that an encoded level can be decoded, so that no two levels have the same
// encoding, and that it is harmless.
func checkSafe(t *testing.T, level string) {
	t.Helper()
	for _, style := range []Style{dotless, plain, readable} {
		name := style.Encode(level)
		if got := Decode(name); got != level {
			t.Errorf("%q is written %q, and read back as %q", level, name, got)
		}
		if isHarmful(style, name) {
			t.Errorf("%q is written %q", level, name)
		}
		for n := range len(name) {
			begin := cut(name, n)
			rest := name[len(begin):]
			if len(begin) > n || begin != "%" && rest != "%" && Decode(begin)+Decode(rest) != level {
				t.Errorf("%q cut to %d bytes is %q", name, n, begin)
			}
		}
	}
}

// Long names are cut to ones that differ, are safe, and stay when they are cut again.
func TestShorten(t *testing.T) {
	a, b := strings.Repeat("ü", 200), strings.Repeat("ü", 201)
	x, y := Shorten(plain.Encode(a)), Shorten(plain.Encode(b))
	if x == y || len(x) > longest || isHarmful(plain, x) || !strings.Contains(x, cutMark) || Shorten(x) != x {
		t.Errorf("%q and %q", x, y)
	}
}

func isHarmful(style Style, name string) bool {
	isBad := func(r rune) bool {
		return r < ' ' || r > '~' && !(style.UTF8 && unicode.IsPrint(r)) || strings.ContainsRune(`/\:*?"<>|`, r)
	}
	return name == "" || strings.ContainsFunc(name, isBad) || strings.HasPrefix(name, "~") ||
		strings.Trim(name, " .") != name || style.Dots && strings.Contains(name, ".") ||
		style.Reserved != nil && style.Reserved(strings.ToLower(name))
}

// Each level has a safe name, from which it is decoded.
func FuzzEncode(f *testing.F) {
	for _, seed := range []string{"", "%", "%%%41%", "&", "&-", "&AOk-", "\xff&\xff", "..", "nul", "\u0000", "\ufffd", "a\U0001F600b", "%4é1", " . "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, level string) {
		if len(level) < 1000 {
			checkSafe(t, level)
		}
	})
}

// Whatever a name is decoded to is encoded and decoded again as the same level.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"%4", "&AOk", "&!-", "&2D3-", "%zz"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		level := Decode(name)
		if Decode(plain.Encode(level)) != level {
			t.Errorf("%q", name)
		}
	})
}
