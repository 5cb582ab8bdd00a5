package page_test

import (
	"mime"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/mailstrata/mailstrata/serve/page"
)

// Whatever the name of an attachment is, the header of its download is one field of ASCII, and the
// browser reads a name from it that is only a name, and looks like what it is.
func FuzzDownloadName(f *testing.F) {
	for _, name := range []string{
		"plan.pdf", "", ".", "..", "../../etc/passwd", `..\..\x.ini`, "a\r\nSet-Cookie: x=1", `"; filename=x.exe; y="`, "invoice\u202Efdp.exe",
		"\x00", "Gr\u00FC\u00DFe.txt", "\xff\xfe.txt", "a\u2028b\u0085c", "CON", ".htaccess", strings.Repeat("é", 300) + ".pdf", "%0d%0a", "a;b=c", "*?<>|:",
		"\u200B\u2066", "🗎.txt", " . ", "utf-8''x", "=?utf-8?q?=0D=0A?=",
	} {
		f.Add(name, "application/pdf")
		f.Add(name, "text/html\r\nX: y")
	}
	f.Fuzz(func(t *testing.T, name, mediaType string) {
		w := httptest.NewRecorder()
		page.Download(w, name, mediaType)
		value := w.Header().Get("Content-Disposition")
		if strings.IndexFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
			t.Fatalf("%q has the field %q", name, value)
		}
		kind, parameters, err := mime.ParseMediaType(value)
		if err != nil || kind != "attachment" || len(parameters) != 1 {
			t.Fatalf("%q has the field %q: %v", name, value, err)
		}
		read := parameters["filename"]
		if n := utf8.RuneCountInString(read); n == 0 || n > 150 || !utf8.ValidString(read) || strings.Trim(read, ". ") != read || strings.ContainsAny(read, `/\:"<>|*?`) {
			t.Fatalf("%q is %q", name, read)
		}
		for _, r := range read {
			if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
				t.Fatalf("%q is %q", name, read)
			}
		}
		if w.Header().Get("Content-Type") != "application/octet-stream" {
			t.Fatal("a browser may show it")
		}
	})
}
