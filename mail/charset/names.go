package charset

import (
	"strings"
	"sync"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// Decoder decodes a text to UTF-8. What it cannot decode becomes U+FFFD.
type Decoder func(text []byte) string

// Lookup returns the decoder of a character set, and whether the name is known. The names are those
// of the WHATWG Encoding Standard, which has those of IANA that are in use, and further ones that
// mail has. As there, iso-8859-1 is Windows-1252 and gb2312 is GB18030: what programs send under
// these names is more than they allow.
func Lookup(name string) (decode Decoder, known bool) {
	key := keyOf(name)
	if decode, ok := others[key]; ok {
		return decode, true
	}
	if found, ok := keys()[key]; ok {
		return decodeBy(found), true
	}
	found, err := htmlindex.Get(strings.Trim(name, " \t\"'"))
	if err != nil || found == encoding.Replacement {
		return nil, false
	}
	return decodeBy(found), true
}

// keyOf returns a name in lower case without punctuation, in which names of one character set
// differ.
func keyOf(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		}
		return -1
	}, name)
}

// isASCIICompatible reports whether bytes below 0x80 without ESC are ASCII in a character set.
func isASCIICompatible(name string) bool {
	key := keyOf(name)
	return !strings.HasPrefix(key, "utf") && !strings.HasPrefix(key, "ucs") && !strings.HasPrefix(key, "unicode") &&
		!strings.HasPrefix(key, "hz") && !strings.HasPrefix(key, "iso2022") && !strings.HasPrefix(key, "csiso2022") &&
		!strings.HasPrefix(key, "iso10646") && !strings.HasPrefix(key, "ebcdic") && !strings.HasPrefix(key, "ibm") ||
		key == "utf8" || key == "unicode11utf8"
}

func decodeBy(e encoding.Encoding) Decoder {
	return func(text []byte) string {
		decoded, err := e.NewDecoder().Bytes(text)
		if err != nil {
			return Guess(text)
		}
		return string(decoded)
	}
}

// others are decoders of what is no encoding of its own, by keys of names.
var others = map[string]Decoder{
	"utf8": utf8OrWindows, "unicode11utf8": utf8OrWindows, "utf8mb4": utf8OrWindows, "cp65001": utf8OrWindows, "xunicode20utf8": utf8OrWindows,
	"utf7": decodeUTF7, "unicode11utf7": decodeUTF7, "csunicode11utf7": decodeUTF7, "xunicode20utf7": decodeUTF7,
	"iso2022kr": decodeISO2022KR, "csiso2022kr": decodeISO2022KR,
	"iso2022cn": decodeISO2022CN, "iso2022cnext": decodeISO2022CN,
	"usascii": Guess, "ascii": Guess, "ansix341968": Guess, "iso646us": Guess, "us": Guess, // with 8 bits it is not ASCII
	"unknown8bit": Guess, "xunknown": Guess, "unknown": Guess, "default": Guess, "none": Guess, "8bit": Guess,
}

// keys has the encodings that others and the standard do not have under these names, by keys of the
// names.
var keys = sync.OnceValue(func() map[string]encoding.Encoding {
	found := make(map[string]encoding.Encoding)
	for _, row := range encodings {
		for name := range strings.FieldsSeq(row.names) {
			found[name] = row.encoding
		}
		for number := range strings.FieldsSeq(row.windows) {
			for _, prefix := range []string{"cp", "xcp", "windows", "xwindows", "win", "ansi", "ibm"} {
				found[prefix+number] = row.encoding
			}
		}
		for number := range strings.FieldsSeq(row.iso8859) {
			for _, prefix := range []string{"iso8859", "xiso8859", "8859"} {
				found[prefix+number] = row.encoding
			}
		}
	}
	return found
})

// encodings are names, numbers of Windows or IBM code pages, and numbers of parts of ISO 8859.
var encodings = []struct {
	encoding                encoding.Encoding
	names, windows, iso8859 string
}{
	{unicode.UTF16(unicode.BigEndian, unicode.UseBOM), "utf16 ucs2 csunicode iso10646ucs2", "", ""}, // RFC 2781 section 4.3
	{unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "utf16le", "", ""},
	{unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), "utf16be", "", ""},
	{utf32.UTF32(utf32.BigEndian, utf32.UseBOM), "utf32 ucs4", "", ""},
	{utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), "utf32le", "", ""},
	{utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), "utf32be", "", ""},

	{simplifiedchinese.GB18030, "gb18030 gb2312 gbk xgbk gb231280 csgb2312 euccn", "936", ""},
	{simplifiedchinese.HZGB2312, "hzgb2312 hz", "", ""},
	{traditionalchinese.Big5, "big5 big5hkscs xbig5", "950", ""},
	{japanese.ISO2022JP, "iso2022jp iso2022jp1 iso2022jp2 iso2022jp3 iso2022jpms", "50220 50221", ""},
	{japanese.ShiftJIS, "sjis shiftjis mskanji", "932", ""},
	{japanese.EUCJP, "eucjp", "51932", ""},
	{korean.EUCKR, "euckr ms949 uhc ksc56011987 ksc5601", "949", ""},

	{charmap.CodePage037, "ebcdiccpus", "037", ""},
	{charmap.CodePage437, "437", "437", ""},
	{charmap.CodePage850, "850", "850", ""},
	{charmap.CodePage852, "852", "852", ""},
	{charmap.CodePage855, "", "855", ""},
	{charmap.CodePage858, "", "858", ""},
	{charmap.CodePage860, "", "860", ""},
	{charmap.CodePage862, "", "862", ""},
	{charmap.CodePage863, "", "863", ""},
	{charmap.CodePage865, "", "865", ""},
	{charmap.CodePage866, "", "866", ""},
	{charmap.CodePage1047, "", "1047", ""},
	{charmap.Windows874, "tis620", "874", "11"},
	{charmap.Windows1250, "", "1250", ""},
	{charmap.Windows1251, "", "1251", ""},
	{charmap.Windows1252, "latin1 ansi", "1252", "1"},
	{charmap.Windows1253, "", "1253", ""},
	{charmap.Windows1254, "latin5", "1254", "9"},
	{charmap.Windows1255, "", "1255", ""},
	{charmap.Windows1256, "", "1256", ""},
	{charmap.Windows1257, "", "1257", ""},
	{charmap.Windows1258, "", "1258", ""},
	{charmap.ISO8859_2, "latin2", "", "2"},
	{charmap.ISO8859_3, "latin3", "", "3"},
	{charmap.ISO8859_4, "latin4", "", "4"},
	{charmap.ISO8859_5, "", "", "5"},
	{charmap.ISO8859_6, "", "", "6"},
	{charmap.ISO8859_7, "", "", "7"},
	{charmap.ISO8859_8, "", "", "8"},
	{charmap.ISO8859_10, "latin6", "", "10"},
	{charmap.ISO8859_13, "", "", "13"},
	{charmap.ISO8859_14, "", "", "14"},
	{charmap.ISO8859_15, "latin9", "", "15"},
	{charmap.ISO8859_16, "latin10", "", "16"},
	{charmap.KOI8U, "koi8ru", "", ""},
	{charmap.Macintosh, "macroman", "", ""},
}
