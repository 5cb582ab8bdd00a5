package extract_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"html"
	"mime/quotedprintable"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/mail/extract"
)

// scripts are texts with the character sets in which mail has them.
var scripts = []struct {
	text     string
	charsets string
}{
	{"The bridge is closed until Friday", "us-ascii utf-8 iso-8859-1 iso-8859-15 windows-1252 utf-16"},
	{"Schöne Grüße über Köln daß Öl", "utf-8 iso-8859-1 iso-8859-15 windows-1252 utf-16"},
	{"Zażółć gęślą jaźń", "utf-8 iso-8859-2 windows-1250"},
	{"Příliš žluťoučký kůň úpěl ďábelské ódy", "utf-8 iso-8859-2 windows-1250"},
	{"Ξεσκεπάζω την ψυχοφθόρα βδελυγμία", "utf-8 iso-8859-7 windows-1253"},
	{"Съешь же ещё этих мягких французских булок", "utf-8 koi8-r windows-1251 iso-8859-5 ibm866"},
	{"Чуєш їх доцю га", "utf-8 koi8-u windows-1251"},
	{"Pijamalı hasta yağız şoföre çabucak güvendi", "utf-8 iso-8859-9 windows-1254"},
	{"דג סקרן שט בים מאוכזב", "utf-8 iso-8859-8-i windows-1255"},
	{"نص حكيم له سر قاطع وذو شأن عظيم", "utf-8 iso-8859-6 windows-1256"},
	{"เป็นมนุษย์สุดประเสริฐเลิศคุณค่า", "utf-8 tis-620 windows-874"},
	{"いろはにほへと 東京 カタカナ", "utf-8 iso-2022-jp shift_jis euc-jp"},
	{"다람쥐 헌 쳇바퀴에 타고파", "utf-8 euc-kr ks_c_5601-1987"},
	{"我能吞下玻璃而不伤身体", "utf-8 gb2312 gbk gb18030 hz-gb-2312"},
	{"我能吞下玻璃而不傷身體", "utf-8 big5"},
	{"Tôi có thể ăn thủy tinh", "utf-8"},
	{"मैं काँच खा सकता हूँ", "utf-8"},
}

var encodings = map[string]encoding.Encoding{
	"us-ascii": encoding.Nop, "utf-8": encoding.Nop, "utf-16": unicode.UTF16(unicode.BigEndian, unicode.UseBOM),
	"iso-8859-1": charmap.ISO8859_1, "iso-8859-2": charmap.ISO8859_2, "iso-8859-5": charmap.ISO8859_5, "iso-8859-6": charmap.ISO8859_6,
	"iso-8859-7": charmap.ISO8859_7, "iso-8859-8-i": charmap.ISO8859_8I, "iso-8859-9": charmap.ISO8859_9, "iso-8859-15": charmap.ISO8859_15,
	"windows-1250": charmap.Windows1250, "windows-1251": charmap.Windows1251, "windows-1252": charmap.Windows1252,
	"windows-1253": charmap.Windows1253, "windows-1254": charmap.Windows1254, "windows-1255": charmap.Windows1255,
	"windows-1256": charmap.Windows1256, "windows-874": charmap.Windows874, "tis-620": charmap.Windows874, "koi8-r": charmap.KOI8R,
	"koi8-u": charmap.KOI8U, "ibm866": charmap.CodePage866, "iso-2022-jp": japanese.ISO2022JP, "shift_jis": japanese.ShiftJIS,
	"euc-jp": japanese.EUCJP, "euc-kr": korean.EUCKR, "ks_c_5601-1987": korean.EUCKR, "gb2312": simplifiedchinese.GBK,
	"gbk": simplifiedchinese.GBK, "gb18030": simplifiedchinese.GB18030, "hz-gb-2312": simplifiedchinese.HZGB2312, "big5": traditionalchinese.Big5,
}

// encoded is a message with one text in the subject, in plain text and in HTML, in one character
// set and transfer encoding.
type encoded struct {
	charset, transfer string
	message           []byte
	text              string
}

// encodedMessages returns a message for each script, character set and transfer encoding.
func encodedMessages(t *testing.T) (list []encoded) {
	t.Helper()
	for _, script := range scripts {
		for charset := range strings.FieldsSeq(script.charsets) {
			for _, transfer := range []string{"8bit", "base64", "quoted-printable"} {
				if charset == "utf-16" && transfer == "8bit" {
					continue // its zeros are no text
				}
				in := func(text string) string {
					encoded, err := encodings[charset].NewEncoder().String(text)
					if err != nil {
						t.Fatalf("%q in %s: %v", text, charset, err)
					}
					return encoded
				}
				markup := "<html><p>" + strings.ReplaceAll(html.EscapeString(script.text), " ", "</p>\n<p>")
				subject := fmt.Sprintf("=?%s?b?%s?=", charset, base64.StdEncoding.EncodeToString([]byte(in(script.text))))
				message := fmt.Sprintf("Subject: %s\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n", subject)
				for kind, text := range map[string]string{"plain": script.text, "html": markup} {
					message += fmt.Sprintf("--b\r\nContent-Type: text/%s; charset=\"%s\"\r\nContent-Transfer-Encoding: %s\r\n\r\n%s\r\n", kind, charset,
						transfer, transferEncoded(t, transfer, in(text)))
				}
				list = append(list, encoded{charset, transfer, []byte(message + "--b--\r\n"), script.text})
			}
		}
	}
	return list
}

func transferEncoded(t *testing.T, transfer, text string) string {
	t.Helper()
	switch transfer {
	case "base64":
		return base64.StdEncoding.EncodeToString([]byte(text))
	case "quoted-printable":
		var b bytes.Buffer
		w := quotedprintable.NewWriter(&b)
		w.Binary = true
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	return text
}

// TestScripts requires that a text is read in every character set and transfer encoding.
func TestScripts(t *testing.T) {
	for _, e := range encodedMessages(t) {
		text := extract.Message(context.Background(), e.message, nil)
		if text.Subject != e.text {
			t.Errorf("%s: subject %q, want %q", e.charset, text.Subject, e.text)
		}
		if len(text.Body) != 2 {
			t.Fatalf("%s: body %q", e.charset, text.Body)
		}
		for _, body := range text.Body {
			if got := strings.Join(strings.Fields(body), " "); got != e.text {
				t.Errorf("%s, %s: body %q, want %q", e.charset, e.transfer, got, e.text)
			}
		}
	}
}

// TestReference compares generated messages with what Python's email package reads.
func TestReference(t *testing.T) {
	g := generate.New(3)
	directory := t.TempDir()
	var files []string
	add := func(message []byte) {
		path := filepath.Join(directory, fmt.Sprint(len(files)))
		if err := os.WriteFile(path, message, 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	for _, m := range g.Messages(400) {
		if !bytes.Contains(m.Body, []byte("X-\xe9:")) { // which is the end of a header for Python
			add(m.Body)
		}
	}
	for _, e := range encodedMessages(t) {
		if e.charset != "windows-874" && e.charset != "iso-8859-8-i" { // Python has no such names
			add(e.message)
		}
	}
	for _, r := range referenceOf(t, files) {
		message, err := os.ReadFile(r.File)
		if err != nil {
			t.Fatal(err)
		}
		if missing, extra := compare(message, r); len(missing)+len(extra) > 0 || r.Error != "" {
			t.Errorf("%.300q: missing %q, extra %q, error %q", message, missing, extra, r.Error)
		}
	}
}
