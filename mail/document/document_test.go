package document_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/mailstrata/mailstrata/mail/document"
	"github.com/mailstrata/mailstrata/mail/extract"
)

var _ extract.Documents = document.Reader{}

const limit = 1 << 20

// archive returns a zip archive of names and contents.
func archive(files ...string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := w.Create(files[i])
		if err == nil {
			_, err = f.Write([]byte(files[i+1]))
		}
		if err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

const header = `<?xml version="1.0" encoding="UTF-8"?>`

// A document has the text that its readers see, in their order.
func TestText(t *testing.T) {
	for _, c := range []struct {
		name     string
		document []byte
		want     string // words with single blanks
	}{
		{"a.docx", archive("[Content_Types].xml", "<x><t>no</t></x>", "word/document.xml", header+`<w:document><w:body><w:p><w:r><w:t>W</w:t></w:r><w:r><w:t xml:space="preserve">ort &amp; &#228;</w:t></w:r></w:p>
			<w:p><w:r><w:t>one</w:t><w:tab/><w:t>two</w:t><w:br/><w:t>three</w:t><w:delText>no</w:delText><w:instrText>no</w:instrText></w:r></w:p>
			<mc:AlternateContent><mc:Choice><w:t>four</w:t></mc:Choice><mc:Fallback><w:p><w:t>no</w:t></w:p></mc:Fallback></mc:AlternateContent>
			<w:tc><w:t>five</w:t></w:tc><w:tc><w:t>six</w:t></w:tc></w:body></w:document>`, "word/header1.xml", "<w:hdr><w:t>head</w:t></w:hdr>", "word/styles.xml", "<t>no</t>"),
			"Wort & ä one two three four five six head"},
		{"b.DOCX", archive("word/document.xml", `<ns0:p xmlns:ns0="x"><ns0:t><![CDATA[a<b]]></ns0:t></ns0:p>`), "a<b"},
		{"a.xlsx", archive("xl/workbook.xml", `<workbook><sheets><sheet name="Söll" sheetId="1"/><sheet name="Ist"/></sheets></workbook>`,
			"xl/sharedStrings.xml", `<sst><si><t>one</t></si><si><r><t>t</t></r><r><t>wo</t></r><rPh><t>no</t></rPh></si></sst>`,
			"xl/worksheets/sheet1.xml", `<sheetData><row><c r="A1" t="s"><v>99</v></c><c><v>4711</v></c><c/><c t="inlineStr"><is><t>three</t></is></c><c t="str"><f>no</f><v>four</v></c></row></sheetData>`),
			"one two Söll Ist 4711 three four"},
		{"a.pptx", archive("ppt/slides/slide10.xml", "<a:p><a:t>ten</a:t></a:p>", "ppt/slides/slide2.xml", "<p:title><a:p><a:t>t</a:t><a:t>wo</a:t></a:p></p:title>",
			"ppt/notesSlides/notesSlide1.xml", "<a:t>note</a:t>"), "note two ten"},
		{"a.odt", archive("mimetype", "x", "content.xml", `<office:text><text:tracked-changes><text:p>no</text:p></text:tracked-changes><text:h>Title</text:h>
			<text:p>W<text:span>ord</text:span><text:s/>two<text:line-break/>three</text:p><office:meta>no</office:meta></office:text>`, "styles.xml", "<style:style>no</style:style><text:p>foot</text:p>"),
			"Title Word two three foot"},
		{"a.ods", archive("content.xml", `<table:table-row><table:table-cell><text:p>1</text:p></table:table-cell><table:table-cell><text:p>2</text:p></table:table-cell></table:table-row>`), "1 2"},
		{"a.rtf", []byte(`{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fcharset0 No;}{\f1\fcharset204 No;}}{\colortbl;\red1;}{\*\generator No;}{\info{\title No}}
\pard W\b o\b0 rd\'e4\par two\tab three\emdash four {\f1\'cf\'f0\'e8}\u228?\uc2\u8364??\u55357??\u56832?? \{x\}\~y{\pict 00ff}{\field{\*\fldinst No}{\fldrslt link}}
{\footnote note}\bin3 {{{end}`), "Wordä two three—four Приä€😀 {x} ylink note end"},
		{"b.rtf", []byte(`{\rtf1\ansicpg932 \'93\'fa\'96\'7b}`), "日本"},
		{"c.rtf", []byte(`{\rtf1 a\par`), "a"},
	} {
		got, err := document.Reader{}.Text(context.Background(), "application/octet-stream", c.name, c.document, limit)
		if words := strings.Join(strings.Fields(got), " "); words != c.want || err != nil {
			t.Errorf("%s: %q, %v, want %q", c.name, words, err, c.want)
		}
	}
}

// A document is recognized by its media type or the end of its name.
func TestReads(t *testing.T) {
	for _, c := range []struct {
		mediaType, name string
		want            bool
	}{
		{"application/octet-stream", "A.DOCX ", true},
		{"application/vnd.oasis.opendocument.text", "", true},
		{"text/rtf", "x", true},
		{"application/msword", "a.doc", false},
		{"application/zip", "a.zip", false},
		{"application/pdf", "a.pdf", false},
		{"", "", false},
	} {
		if got := (document.Reader{}).Reads(c.mediaType, c.name); got != c.want {
			t.Errorf("%s %q: %v", c.mediaType, c.name, got)
		}
	}
}

// upper reads PDFs that are text.
type upper struct{}

func (upper) Text(_ context.Context, document []byte, _ int) (string, error) {
	return strings.ToUpper(string(document)), nil
}

// PDFs are read by the reader that is given for them.
func TestPDF(t *testing.T) {
	r := document.Reader{PDF: upper{}}
	for mediaType, name := range map[string]string{"application/pdf": "", "application/octet-stream": "A.PDF"} {
		if text, err := r.Text(context.Background(), mediaType, name, []byte("text"), limit); text != "TEXT" || err != nil || !r.Reads(mediaType, name) {
			t.Errorf("%s %q: %q, %v", mediaType, name, text, err)
		}
	}
}

// TestErrors requires that what cannot be read is an error, and that what can be is returned
// nevertheless.
func TestErrors(t *testing.T) {
	whole := archive("word/document.xml", "<t>text</t>", "word/footnotes.xml", "<t>"+strings.Repeat("note ", 1000)+"</t>")
	damaged := bytes.Clone(whole)
	damaged[bytes.Index(damaged, []byte("word/footnotes.xml"))+25] ^= 0xff
	encrypted := archive("word/document.xml", "<t>text</t>")
	for at := 0; ; { // the flag in both headers of the entry
		i := bytes.Index(encrypted[at:], []byte("PK"))
		if i < 0 {
			break
		}
		at += i + 2
		switch string(encrypted[at : at+2]) {
		case "\x03\x04":
			encrypted[at+4] |= 1
		case "\x01\x02":
			encrypted[at+6] |= 1
		}
	}
	for _, c := range []struct {
		name     string
		document []byte
		text     string
		is       error // or any
	}{
		{"a.docx", nil, "", nil},
		{"a.docx", []byte("text"), "", nil},
		{"a.docx", whole[:len(whole)-5], "", nil},
		{"a.docx", damaged, "text\n", nil},
		{"a.docx", archive("a", "b"), "", nil},
		{"a.docx", encrypted, "", document.ErrEncrypted},
		{"a.docx", []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "", document.ErrEncrypted},
		{"a.docx", make([]byte, document.MaxDocument+1), "", document.ErrTooLarge},
		{"a.rtf", []byte("text"), "", nil},
		{"a.pdf", []byte("%PDF"), "", nil},
	} {
		got, err := document.Reader{}.Text(context.Background(), "", c.name, c.document, limit)
		if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.HasPrefix(got, c.text) || c.text == "" && got != "" {
			t.Errorf("%s %.20q: %.20q, %v", c.name, c.document, got, err)
		}
	}
}

// A text is cut at the limit, and within no character.
func TestLimit(t *testing.T) {
	for _, c := range []struct {
		name     string
		document []byte
	}{
		{"a.docx", archive("word/document.xml", "<t>äbcdef</t>", "word/footnotes.xml", "<t>note</t>")},
		{"a.rtf", []byte(`{\rtf1\ansi \'e4bcdef\par note}`)},
	} {
		got, err := document.Reader{}.Text(context.Background(), "", c.name, c.document, 4)
		if got != "äbc" && got != "äbcd" || err != nil {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
}

// A context that ends stops the reading of a document.
func TestCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for name, doc := range map[string][]byte{
		"a.docx": archive("word/document.xml", strings.Repeat("<t>a</t>", 10_000)), "a.rtf": []byte(`{\rtf1 ` + strings.Repeat(`\par`, 10_000)),
	} {
		if _, err := (document.Reader{}).Text(ctx, "", name, doc, limit); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// overlapping returns an archive in which many entries have the same 10 MB of zeros as their
// content.
func overlapping(entries int) []byte {
	content := make([]byte, 10<<20)
	copy(content, "<x>")
	var packed bytes.Buffer
	w, _ := flate.NewWriter(&packed, flate.BestCompression)
	w.Write(content)
	w.Close()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, _ := z.CreateRaw(&zip.FileHeader{
		Name: "word/document.xml", Method: zip.Deflate, CRC32: crc32.ChecksumIEEE(content),
		CompressedSize64: uint64(packed.Len()), UncompressedSize64: uint64(len(content)),
	})
	f.Write(packed.Bytes())
	z.Close()
	whole := b.Bytes()
	directory := bytes.LastIndex(whole, []byte("PK\x01\x02"))
	end := bytes.LastIndex(whole, []byte("PK\x05\x06"))
	entry, tail := whole[directory:end], bytes.Clone(whole[end:])
	for _, v := range []int{8, 10} {
		tail[v], tail[v+1] = byte(entries), byte(entries>>8)
	}
	size := entries * len(entry)
	tail[12], tail[13], tail[14], tail[15] = byte(size), byte(size>>8), byte(size>>16), byte(size>>24)
	return append(append(bytes.Clone(whole[:directory]), bytes.Repeat(entry, entries)...), tail...)
}

// TestHostile requires that documents made to take time or memory take little of both.
func TestHostile(t *testing.T) {
	var many []string
	for i := range 30_000 {
		many = append(many, fmt.Sprintf("word/header%d.xml", i), "")
	}
	bomb := archive("word/document.xml", "<t>"+strings.Repeat("\x00", 300<<20))
	var entities strings.Builder
	entities.WriteString(`<!DOCTYPE x [<!ENTITY a0 "ha">`)
	for i := range 30 {
		fmt.Fprintf(&entities, `<!ENTITY a%d "&a%d;&a%d;">`, i+1, i, i)
	}
	entities.WriteString(`<!ENTITY f SYSTEM "file:///etc/passwd">]><t>&a30;&f;</t>`)
	for name, doc := range map[string][]byte{
		"bomb.docx":        bomb,
		"bomb.odt":         archive("content.xml", "<office:x>"+strings.Repeat("<x>", 100<<20)),
		"overlapping.docx": overlapping(10_000),
		"entries.docx":     archive(many...),
		"nested.docx":      archive("word/document.xml", string(bomb)),
		"entities.docx":    archive("word/document.xml", entities.String()),
		"deep.docx":        archive("word/document.xml", strings.Repeat("<w:p>", 2<<20)+strings.Repeat("<w:t>", 2<<20)),
		"skip.docx":        archive("word/document.xml", strings.Repeat("<fallback>", 2<<20)),
		"attributes.xlsx":  archive("xl/worksheets/sheet1.xml", "<c "+strings.Repeat("a=b ", 1<<20)+">"+strings.Repeat("<c "+strings.Repeat("a=b ", 1000)+">", 1000)),
		"token.docx":       archive("word/document.xml", "<t>"+strings.Repeat("a", 40<<20)),
		"open.docx":        archive("word/document.xml", strings.Repeat("<", 40<<20)),
		"braces.rtf":       []byte(`{\rtf1` + strings.Repeat("{", 10<<20)),
		"groups.rtf":       []byte(`{\rtf1` + strings.Repeat("{a}", 10<<20)),
		"fonts.rtf":        []byte(`{\rtf1{\fonttbl` + strings.Repeat(`\f1\fcharset1`, 1<<20)),
		"units.rtf":        []byte(`{\rtf1` + strings.Repeat(`\u55357`, 4<<20)),
		"bytes.rtf":        []byte(`{\rtf1` + strings.Repeat(`\'ff`, 8<<20)),
		"bin.rtf":          []byte(`{\rtf1` + strings.Repeat(`\bin-1 \bin99999999999 `, 1<<20)),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			begin := used()
			text, err := document.Reader{}.Text(context.Background(), "", name, doc, limit)
			took := used() - begin
			runtime.ReadMemStats(&after)
			t.Logf("%v, %d MiB allocated, %d bytes of text, %v", took, (after.TotalAlloc-before.TotalAlloc)>>20, len(text), err)
			if took > 10*time.Second || len(text) > limit || after.TotalAlloc-before.TotalAlloc > allocated {
				t.Error("too much")
			}
			if strings.Contains(text, "haha") || strings.Contains(text, "root:") {
				t.Errorf("entities are known: %.100q", text)
			}
		})
	}
}

// No document gives more text than the limit, or text that is not UTF-8.
func FuzzText(f *testing.F) {
	f.Add("a.docx", archive("word/document.xml", "<w:p><w:t>a</w:t><mc:Fallback></w:p>"))
	f.Add("a.xlsx", archive("xl/worksheets/sheet1.xml", `<c t="s"><v>1</v></c><c><v>2</v></c>`))
	f.Add("a.odt", archive("content.xml", "<text:p>a<text:s/>b</text:p>"))
	f.Add("a.rtf", []byte(`{\rtf1{\fonttbl{\f0\fcharset128 x;}}\f0\'93\'fa\u228?\uc2{\*\x y}\bin2 ab\par}`))
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		text, err := document.Reader{}.Text(context.Background(), "", name, content, 1000)
		if len(text) > 1000 || !utf8.ValidString(text) {
			t.Fatalf("%q, %v", text, err)
		}
	})
}

// FuzzXML reads XML that is not compressed.
func FuzzXML(f *testing.F) {
	f.Add("<w:p><w:t>a</w:t><mc:Fallback><t>b</t></mc:Fallback><c t='s'><v>1</v></c></w:p>")
	f.Fuzz(func(t *testing.T, content string) {
		for name, file := range map[string]string{"a.docx": "word/document.xml", "a.xlsx": "xl/worksheets/sheet1.xml", "a.odt": "content.xml"} {
			text, err := document.Reader{}.Text(context.Background(), "", name, archive(file, content), 1000)
			if len(text) > 1000 || !utf8.ValidString(text) {
				t.Fatalf("%q, %v", text, err)
			}
		}
	})
}
