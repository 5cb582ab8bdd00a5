package canonical

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"
)

func digest(text string) Digest {
	d := NewDigester()
	for _, piece := range strings.SplitAfter(text, "a") { // in pieces, as it comes
		io.WriteString(d, piece)
	}
	return d.Sum()
}

const head = "Received: by b; 2\r\nReceived: by a; 1\r\nFrom: \"Ann\" <ann@mail.example>\r\nTo: Bob <bob@mail.example>\r\n" +
	"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= to\r\n you\r\nMessage-ID: <1@mail.example>\r\nDate: Mon, 02 Mar 2026 10:00:00 +0000\r\n"

// Changes that servers make do not change the digest; other changes do.
func TestSame(t *testing.T) {
	binary := "\x00\x01binary\xff\n\nmore\x00\n"
	long := strings.Repeat("0123456789=é ", 20000) + "\r\n"
	var quoted bytes.Buffer
	w := quotedprintable.NewWriter(&quoted)
	io.WriteString(w, "Grüße =\r\n"+long)
	w.Close()
	multi := func(encoding, body string) string {
		return head + "MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary=\"x y\"\r\n\r\npreamble\r\n--x y\r\nContent-Type: text/plain\r\n\r\ntext\r\n" +
			"--x y\r\nContent-Type: application/octet-stream; name=\"a\"\r\nContent-Transfer-Encoding: " + encoding + "\r\n\r\n" + body + "\r\n--x y--\r\nepilogue\r\n"
	}
	plainText := head + "\r\nGrüße =\r\n" + long
	for _, test := range []struct {
		name, a, b string
		same       bool
	}{
		{"itself", plainText, plainText, true},
		{"LF", plainText, strings.ReplaceAll(plainText, "\r\n", "\n"), true},
		{"blank lines at the end", plainText, plainText + "\r\n\r\n", true},
		{"fields of an mbox", head + "Status: RO\r\nX-Status: A\r\nX-Keywords: a\r\nX-UID: 7\r\nX-IMAPbase: 1 2\r\nContent-Length: 8\r\n\r\nx\r\n", head + "\r\nx\r\n", true},
		{"a line of an mbox", "From ann Mon Mar  2 10:00:00 2026\r\n" + plainText, plainText, true},
		{"a field more", "X-Pm-Gluon-Id: 1-2-3\r\n" + plainText, plainText, true},
		{"a Received field more", "Received: by c; 3\r\n" + plainText, plainText, true},
		{"other Received fields", strings.Replace(plainText, "by a; 1", "by a; 2", 1), plainText, false},
		{"fields in another order", "Date: Mon, 02 Mar 2026 10:00:00 +0000\r\n" + strings.Replace(plainText, "Date: Mon, 02 Mar 2026 10:00:00 +0000\r\n", "", 1), plainText, true},
		{"folded, unquoted, 8 bits", strings.NewReplacer("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "GrXXXXe", `"Ann" <`, "Ann\r\n\t<").Replace(plainText), plainText, true},
		{"quoted-printable", head + "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + quoted.String(), plainText, true},
		{"base64", head + "Content-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString([]byte("Grüße =\r\n"+long)), plainText, true},
		{"binary in a part", multi("binary", binary), multi("BASE64", base64.StdEncoding.EncodeToString([]byte(binary))+"\r\n"), true},
		{"another part", multi("binary", binary), multi("binary", binary+"x"), false},
		{"text moved between parts", multi("binary", "a\r\n--x y\r\n\r\nb"), multi("binary", "a\r\nb"), false},
		{"another body", plainText, plainText + "x", false},
		{"another subject", plainText, strings.Replace(plainText, "you", "them", 1), false},
		{"another recipient", plainText, strings.Replace(plainText, "bob@", "bert@", 1), false},
		{"another Message-ID", plainText, strings.Replace(plainText, "<1@", "<2@", 1), false},
		{"another reference", head + "References: <a>\r\n\r\nx", head + "References: <b>\r\n\r\nx", true},
		{"without Message-ID", "From: a\r\nDate: b\r\nReferences: <a>\r\n\r\nx", "From: a\r\nDate: b\r\nReferences: <a>\r\nX-UID: 1\r\n\r\nx", true},
		{"without Message-ID, another reference", "From: a\r\nDate: b\r\nReferences: <a>\r\n\r\nx", "From: a\r\nDate: b\r\nReferences: <b>\r\n\r\nx", false},
		{"too little", "Subject: a\r\n\r\nx", "Subject: a\r\n\r\nx", false},
		{"nothing", "", "", false},
		{"a message in it", head + "Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nx", head + "Content-Type: message/rfc822\r\n\r\nSubject: out\r\n\r\nx", false},
	} {
		if have := digest(test.a).Same(digest(test.b)); have != test.same {
			t.Errorf("%s: %v", test.name, have)
		}
	}
	header, _, _ := strings.Cut(plainText, "\r\n\r\n")
	for _, text := range []string{header, header + "\r\n", header + "\r\n\r\n"} {
		if HeaderKey([]byte(text)) != digest(plainText).key {
			t.Errorf("the header alone has another key: %q", text[len(text)-4:])
		}
	}
}

// The digest of any message is the same, written in pieces or at once.
func FuzzDigest(f *testing.F) {
	f.Add([]byte(head+"\r\nx"), 3)
	f.Add([]byte("Content-Type: multipart/x; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nContent-Transfer-Encoding: base64\n\nQUJ=\n--b--"), 7)
	f.Fuzz(func(t *testing.T, text []byte, n int) {
		text = append([]byte("Message-ID: <x>\r\n"), text...)
		a, b := NewDigester(), NewDigester()
		a.Write(text)
		for rest := text; len(rest) > 0; {
			k := min(len(rest), max(1, n%50))
			b.Write(rest[:k])
			rest = rest[k:]
		}
		if !a.Sum().Same(b.Sum()) {
			t.Errorf("%q is not the same as itself", text)
		}
	})
}
