package entity_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/mail/entity"
)

// outline draws a structure: types, and the content of entities without children.
func outline(message []byte, e *entity.Entity) string {
	var b strings.Builder
	b.WriteString(e.MediaType())
	switch {
	case e.Message != nil:
		b.WriteString("<" + outline(message, e.Message) + ">")
	case len(e.Children) > 0:
		var list []string
		for _, child := range e.Children {
			list = append(list, outline(message, child))
		}
		b.WriteString("(" + strings.Join(list, " ") + ")")
	default:
		fmt.Fprintf(&b, "=%q", e.Decode(message))
	}
	return b.String()
}

// Messages have the structure that mail programs see, however broken they are.
func TestParse(t *testing.T) {
	const mixed = "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	for _, c := range []struct{ name, message, want string }{
		{"empty", "", `text/plain=""`},
		{"header alone", "Subject: x\r\n", `text/plain=""`},
		{"empty header", "\r\nbody\r\n", `text/plain="body\r\n"`},
		{"no header", "no field\r\nSubject: x\r\n\r\nbody", `text/plain="no field\r\nSubject: x\r\n\r\nbody"`},
		{"mbox", "From a@b Mon Jan  1\nContent-Type: text/html\n\nx", `text/html="x"`},
		{"byte order mark", "\ufeffContent-Type: text/html\n\nx", `text/html="x"`},
		{"byte order mark and mbox", "\ufeffFrom -\nContent-Type: text/html\n\nx", `text/html="x"`},
		{"line that is no field", "Subject: x\nfolded without a blank\nContent-Type: text/html\n\nx", `text/html="x"`},
		{"header that does not end", "Subject: x\nNow the text.\nSee: more\n", `text/plain="Now the text.\nSee: more\n"`},
		{"text with a colon", mixed + "--b\r\nContent-Type: text/html\r\nSee here:\r\n\r\nx\r\n", `multipart/mixed(text/html="See here:\r\n\r\nx\r\n")`},
		{"field folded without a blank", mixed + "--b\r\nContent-Type: text/html;\r\ncharset=x\r\nContent-ID: 1\r\n\r\nx\r\n", `multipart/mixed(text/html="x\r\n")`},
		{"delimiter instead of an empty line", "Content-Type: multipart/mixed; boundary=b\n \n--b\n\none", `multipart/mixed(text/plain="one")`},
		{"blanks before the header", "   \nContent-Type: text/html\n\nx", `text/html="x"`},
		{"blanks before text", "   \ntext\n\nx", `text/plain="   \ntext\n\nx"`},
		{"blanks alone", "  \n", `text/plain="  \n"`},
		{"CR and one LF", "Content-Transfer-Encoding: quoted-printable\r\ra=\rb=41\r\n", `text/plain="abA\r\n"`},
		{"blank before the colon", "Content-Type : text/html\n\nx", `text/html="x"`},
		{"two types", "Content-Type: text/html\nContent-Type: text/css\n\nx", `text/html="x"`},
		{"type without a slash", "Content-Type: text\n\nx", `text/plain="x"`},
		{"type with a comment", "Content-Type: text/HTML (really); charset=x\n\nx", `text/html="x"`},
		{"CR alone", "Content-Type: multipart/mixed; boundary=b\r\r--b\r\rone\r--b\r\rtwo\r--b--\r",
			`multipart/mixed(text/plain="one" text/plain="two")`},
		{"LF", "Content-Type: multipart/mixed; boundary=\"b\"\n\n--b\n\none\n--b\n\ntwo\n--b--\n",
			`multipart/mixed(text/plain="one" text/plain="two")`},
		{"preamble and epilogue", mixed + "before\r\n--b\r\n\r\none\r\n--b--\r\nafter\r\n--b\r\n\r\ntwo", `multipart/mixed(text/plain="one")`},
		{"no closing delimiter", mixed + "--b\r\n\r\none\r\n", `multipart/mixed(text/plain="one\r\n")`},
		{"blanks after a delimiter", mixed + "--b \t\r\n\r\none\r\n--b-- \r\n", `multipart/mixed(text/plain="one")`},
		{"closing delimiter at the end", mixed + "--b\r\n\r\none\r\n--b--", `multipart/mixed(text/plain="one")`},
		{"line that begins like a delimiter", mixed + "--b\r\n\r\none\r\n--bc\r\n--b--", `multipart/mixed(text/plain="one\r\n--bc")`},
		{"no children", mixed + "text", `multipart/mixed="text"`},
		{"closed at once", mixed + "--b--\r\n", `multipart/mixed="--b--\r\n"`},
		{"no boundary", "Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\none", `multipart/mixed="--b\r\n\r\none"`},
		{"boundary in sections", "Content-Type: multipart/mixed; boundary*0=\"a\";\r\n boundary*1=b\r\n\r\n--ab\r\n\r\none\r\n--ab--",
			`multipart/mixed(text/plain="one")`},
		{"boundary like an encoded word", "Content-Type: multipart/mixed; boundary=\"=?utf-8?q?x?=\"\n\n--=?utf-8?q?x?=\n\none",
			`multipart/mixed(text/plain="one")`},
		{"boundary that is a prefix", mixed + "--b\r\nContent-Type: multipart/alternative; boundary=bb\r\n\r\n--bb\r\n\r\none\r\n--bb--\r\n--b\r\n\r\ntwo",
			`multipart/mixed(multipart/alternative(text/plain="one") text/plain="two")`},
		{"boundary that ends with dashes", "Content-Type: multipart/mixed; boundary=b--\n\n--b--\n\none\n--b----\n", `multipart/mixed(text/plain="one")`},
		{"inner multipart not closed", mixed + "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--",
			`multipart/mixed(multipart/mixed(text/plain="one") text/plain="two")`},
		{"same boundary inside", mixed + "--b\r\n" + mixed + "--b\r\n\r\none\r\n--b--\r\n--b\r\n\r\ntwo\r\n--b--",
			`multipart/mixed(multipart/mixed(text/plain="one") text/plain="two")`},
		{"child without an empty line", mixed + "--b\r\nContent-Type: text/html\r\n--b\r\ntext\r\n--b--",
			`multipart/mixed(text/html="" text/plain="text")`},
		{"digest", "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: x\r\n\r\none\r\n--b\r\nContent-Type: text/plain\r\n\r\ntwo",
			`multipart/digest(message/rfc822<text/plain="one"> text/plain="two")`},
		{"message", mixed + "--b\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: text/html\r\n\r\none\r\n--b--",
			`multipart/mixed(message/rfc822<text/html="one">)`},
		{"message of multiparts", "Content-Type: message/rfc822\r\n\r\n" + mixed + "--b\r\n\r\none\r\n--b--\r\n",
			`message/rfc822<multipart/mixed(text/plain="one")>`},
		{"encoded message", "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeAoK", `message/rfc822="Subject: x\n\n"`},
		{"empty message", "Content-Type: message/rfc822\r\n\r\n", `message/rfc822=""`},
	} {
		if got := outline([]byte(c.message), entity.Parse([]byte(c.message))); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// An entity has the fields that IMAP's BODYSTRUCTURE needs, decoded where they have a meaning.
func TestFields(t *testing.T) {
	e := entity.Parse([]byte("Content-Type: Application/PDF; NAME=\"a\\\"b.pdf\"; charset=x\r\nContent-Transfer-Encoding: BASE64;\r\n" +
		"Content-Disposition: Attachment; filename*0*=utf-8''%C3%A4; filename*1=\"=1.pdf\"\r\nContent-ID: <1@x>\r\n" +
		"Content-Description: one\r\n two\r\nContent-Language: de, en\r\nContent-Location: http://x/\r\nContent-MD5: Q2hlY2s=\r\n\r\none\ntwo"))
	want := "application pdf [{name a\"b.pdf} {charset x}] base64 attachment [{filename*0* utf-8''%C3%A4} {filename*1 =1.pdf}] " +
		"<1@x> one two de, en http://x/ Q2hlY2s="
	got := fmt.Sprint(e.Type, " ", e.Subtype, " ", e.Params, " ", e.Encoding, " ", e.Disposition, " ", e.DispositionParams, " ",
		e.ID, " ", e.Description, " ", e.Language, " ", e.Location, " ", e.MD5)
	if got != want {
		t.Errorf("fields:\n got %s\nwant %s", got, want)
	}
	if name := e.Name(); name != "ä=1.pdf" {
		t.Errorf("name is %q", name)
	}
}

// A body is decoded by its encoding, as far as the body follows it.
func TestDecode(t *testing.T) {
	for _, c := range []struct{ encoding, body, want string }{
		{"7bit", "a=41\r\n", "a=41\r\n"},
		{"no-such", "a=41\r\n", "a=41\r\n"},
		{"quoted-printable", "a=C3=bc=\r\nb  \r\nc=3D =\n=zz=\t\r\nd=4", "aüb\r\nc= =zzd=4"},
		{"quoted-printable", "a=", "a"},
		{"base64", "YWJj\r\nZGVm", "abcdef"},
		{"base64", "YW Jj!\r\nZGV", "abcde"},
		{"base64", "YWI=\r\n-- \r\nYour list\r\n", "ab"},
		{"base64", "YWI=\r\nYWI=\r\nYWJj\r\n", "ababab" + "c"},
		{"base64", "YWI", "ab"},
		{"base64", "YWJjZ", "abc"},
		{"base64", "=YWJj", "abc"},
		{"x-uuencode", "text\r\nbegin 644 a\r\n#86)C\r\n#9&5F\r\n`\r\nend\r\n#86)C\r\n", "abcdef"},
	} {
		message := []byte("Content-Transfer-Encoding: " + c.encoding + "\r\n\r\n" + c.body)
		e := entity.Parse(message)
		if got := e.Decode(message); string(got) != c.want || e.Size(message) != int64(len(c.want)) {
			t.Errorf("%s %q: %q, want %q, size %d", c.encoding, c.body, got, c.want, e.Size(message))
		}
	}
}

// TestReader requires that a body decoded in pieces is what it is decoded at once.
func TestReader(t *testing.T) {
	lines := map[string][]string{
		"7bit":             {"a\n"},
		"base64":           {"QUJDREVG\r\n", "\r\n", "QUI=\r\n", "QQ==\r\nQUJD\r\n"},
		"base64 ":          {"QUJDREVGR QUJD!\r\n", "QUJDREVG\r\n", "\r\n", "QUJ\r\n"},
		"quoted-printable": {"a=41=\r\n", "b \r\n", "c=\n", "=\r\n"},
		"x-uuencode":       {"#86)C\r\n", "#86)C\n", "\r\n"},
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 40 {
		for encoding, some := range lines {
			var body strings.Builder
			if encoding == "x-uuencode" {
				body.WriteString("begin 644 x\r\n")
			}
			for body.Len() < 100_000 {
				body.WriteString(some[random.IntN(len(some))])
			}
			if i%4 < 2 {
				body.WriteString("QUI=\r\n" + strings.Repeat("\r\n", random.IntN(40_000)) + "_______\r\nYour list\r\nQUJD\r\n")
			}
			message := []byte("Content-Transfer-Encoding: " + encoding + "\r\n\r\n" + body.String())
			e := entity.Parse(message)
			got, err := io.ReadAll(iotest.HalfReader(e.Reader(message)))
			if err != nil || string(got) != string(e.Decode(message)) || len(got) < 1000 {
				t.Errorf("%s: read %d bytes, decoded %d: %v", encoding, len(got), len(e.Decode(message)), err)
			}
		}
	}
}

// checkRanges requires that ranges nest, and that those of headers and bodies and what is between
// them are the message.
func checkRanges(t *testing.T, message []byte) {
	t.Helper()
	entities := 0
	var check func(e *entity.Entity, depth, from, to int)
	check = func(e *entity.Entity, depth, from, to int) {
		entities++
		if e.Header.Offset < from || e.Header.Length < 0 || e.Header.End() != e.Body.Offset || e.Body.Length < 0 || e.Body.End() > to {
			t.Fatalf("ranges %v and %v are not within %d to %d of %q", e.Header, e.Body, from, to, message)
		}
		if depth > entity.MaxDepth {
			t.Fatalf("depth %d", depth)
		}
		if e.Message != nil {
			if e.Message.Header.Offset != e.Body.Offset || e.Message.Body.End() != e.Body.End() || e.Children != nil {
				t.Fatalf("the message at %v and %v is not the body %v", e.Message.Header, e.Message.Body, e.Body)
			}
			check(e.Message, depth+1, e.Body.Offset, e.Body.End())
		}
		at := e.Body.Offset
		for _, child := range e.Children {
			check(child, depth+1, at, e.Body.End())
			at = child.Body.End()
		}
	}
	root := entity.Parse(message)
	check(root, 0, 0, len(message))
	if root.Header.Offset != 0 || root.Body.End() != len(message) {
		t.Fatalf("the entity has %v and %v of %d bytes", root.Header, root.Body, len(message))
	}
	if entities > entity.MaxEntities {
		t.Fatalf("%d entities", entities)
	}
	for e := range root.All() {
		entities--
		if size := e.Size(message); size != int64(len(e.Decode(message))) {
			t.Fatalf("size %d of %q", size, e.Decode(message))
		}
		if e.Message == nil && len(e.Children) == 0 {
			got, err := io.ReadAll(e.Reader(message))
			if err != nil || string(got) != string(e.Decode(message)) {
				t.Fatalf("read %q, decoded %q", got, e.Decode(message))
			}
		}
	}
	if entities != 0 {
		t.Fatalf("All leaves out %d entities", entities)
	}
}

// The ranges of all entities lie within the message and within one another.
func TestRanges(t *testing.T) {
	g := generate.New(7)
	for _, m := range append(g.Messages(300), g.Oddities()...) {
		checkRanges(t, m.Body)
		checkRanges(t, []byte(strings.ReplaceAll(string(m.Body), "\r\n", "\n")))
	}
}

// The ranges of whatever is parsed lie within the message and within one another.
func FuzzParse(f *testing.F) {
	g := generate.New(8)
	for _, m := range g.Messages(20) {
		f.Add(m.Body[:min(len(m.Body), 4000)])
	}
	f.Add([]byte("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n1\n--b--\n--b--"))
	f.Add([]byte("Content-Transfer-Encoding: base64\n\nYWI=\nYWI=\n--\n"))
	f.Add([]byte("Content-Transfer-Encoding: x-uuencode\n\nbegin 644 x\n#86)C\nend\n"))
	f.Fuzz(checkRanges)
}

// TestHostile requires that messages made to take time or memory take little of both.
func TestHostile(t *testing.T) {
	var nested, same, messages strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&nested, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
		same.WriteString("Content-Type: multipart/mixed; boundary=b\n\n--b\n")
		messages.WriteString("Content-Type: message/rfc822\n\n")
	}
	boundary := strings.Repeat("a", 60_000)
	var prefixes strings.Builder
	for i := range entity.MaxDepth {
		fmt.Fprintf(&prefixes, "Content-Type: multipart/mixed; boundary=%s\n\n--%s\n", boundary[i:], boundary[i:])
	}
	prefixes.WriteString("\n" + strings.Repeat("--"+boundary+"b\n", 200))
	for name, message := range map[string]string{
		"nested multiparts":               nested.String(),
		"nested multiparts, 1 boundary":   same.String(),
		"nested messages":                 messages.String(),
		"boundaries that are prefixes":    prefixes.String(),
		"boundary of one byte":            "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\n", 2_000_000),
		"lines that are almost that":      "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("\n--", 3_000_000),
		"header of 10 MB":                 strings.Repeat("Content-Type: text/html\n", 500_000),
		"field of 10 MB":                  "Content-Type: text/html; " + strings.Repeat("a=b;", 2_500_000),
		"field of 10 MB in lines":         "Content-Type: text/html\n" + strings.Repeat(" ; a*0=b\n", 1_200_000),
		"base64 of 10 MB, all padding":    "Content-Transfer-Encoding: base64\n\n" + strings.Repeat("YQ==\n", 2_000_000),
		"base64 of 10 MB, lines too long": "Content-Transfer-Encoding: base64\n\n" + strings.Repeat("YQ==YWJj", 1_000_000),
	} {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			checkRanges(t, []byte(message))
			if took := time.Since(begin); took > 10*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}
