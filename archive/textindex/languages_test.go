package textindex_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html"
	"math/rand/v2"
	"mime/quotedprintable"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/textindex"
	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// languages are words, and a character set in which mail has them besides UTF-8.
var languages = []struct {
	words   []string
	charset string
	encoder encoding.Encoding
}{
	{strings.Fields("bridge river it's foo-bar a@b.c"), "us-ascii", encoding.Nop},
	{strings.Fields("Brücke Straße STRASSE Äpfel naïve ½"), "iso-8859-1", charmap.ISO8859_1},
	{strings.Fields("Zażółć gęślą jaźń"), "iso-8859-2", charmap.ISO8859_2},
	{strings.Fields("Σίσυφος ΣΊΣΥΦΟΣ γέφυρα"), "iso-8859-7", charmap.ISO8859_7},
	{strings.Fields("мост ёлка йод река"), "koi8-r", charmap.KOI8R},
	{strings.Fields("كتاب جسر نهر"), "windows-1256", charmap.Windows1256},
	{strings.Fields("שלום גשר"), "windows-1255", charmap.Windows1255},
	{strings.Fields("ภาษาไทย สะพาน"), "windows-874", charmap.Windows874},
	{strings.Fields("東京都 京都 橋 カタカナ"), "iso-2022-jp", japanese.ISO2022JP},
	{strings.Fields("한국어 다리"), "euc-kr", korean.EUCKR},
	{strings.Fields("玻璃 我能吞下 桥"), "gb18030", simplifiedchinese.GB18030},
	{strings.Fields("हिन्दी पुल தமிழ்"), "utf-8", encoding.Nop},
}

// writer makes mail in all languages.
type writer struct {
	*rand.Rand
	t *testing.T
}

// some returns words of a language, or of two with UTF-8.
func (w *writer) some(language, most int) string {
	var all []string
	for range 1 + w.IntN(most) {
		of := languages[language].words
		all = append(all, of[w.IntN(len(of))])
	}
	return strings.Join(all, " ")
}

// part returns an entity with a text, in a random encoding.
func (w *writer) part(kind, text string, language int) string {
	charset, encoder := "utf-8", encoding.Encoding(encoding.Nop)
	if w.IntN(2) == 0 {
		charset, encoder = languages[language].charset, languages[language].encoder
	}
	encoded, err := encoder.NewEncoder().String(text)
	if err != nil {
		charset, encoded = "utf-8", text
	}
	transfer, body := "8bit", encoded
	switch w.IntN(3) {
	case 0:
		transfer, body = "base64", base64.StdEncoding.EncodeToString([]byte(encoded))
	case 1:
		var b bytes.Buffer
		q := quotedprintable.NewWriter(&b)
		_, _ = q.Write([]byte(encoded))
		_ = q.Close()
		transfer, body = "quoted-printable", b.String()
	}
	return fmt.Sprintf("Content-Type: text/%s; charset=%s\r\nContent-Transfer-Encoding: %s\r\n\r\n%s\r\n", kind, charset, transfer, body)
}

func (w *writer) message() string {
	language := w.IntN(len(languages))
	text := w.some(language, 12)
	head := fmt.Sprintf("From: =?utf-8?b?%s?= <anna@mail.example>\r\nSubject: =?utf-8?b?%s?=\r\nMIME-Version: 1.0\r\n",
		base64.StdEncoding.EncodeToString([]byte(w.some(language, 2))), base64.StdEncoding.EncodeToString([]byte(w.some(language, 3))))
	markup := "<p>" + strings.ReplaceAll(html.EscapeString(text), " ", " <b></b>")
	switch w.IntN(4) {
	case 0:
		return head + w.part("plain", text, language)
	case 1:
		return head + w.part("html", markup, language)
	case 2:
		return head + "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n" + w.part("plain", text, language) +
			"--b\r\n" + w.part("html", markup, language) + "--b--\r\n"
	}
	return head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + w.part("plain", text, language) +
		"--b\r\nContent-Disposition: attachment; filename=a.txt\r\n" + w.part("plain", w.some(language, 5), language) + "--b--\r\n"
}

// query returns words, prefixes, phrases, and what joins them.
func (w *writer) query() string {
	var all []string
	for range 1 + w.IntN(3) {
		language := w.IntN(len(languages))
		term := `"` + w.some(language, 3) + `"`
		if w.IntN(3) == 0 {
			word := []rune(w.some(language, 1))
			term = `"` + string(word[:1+w.IntN(len(word))]) + `"*`
		}
		if w.IntN(5) == 0 {
			term = words.Columns[w.IntN(len(words.Columns))].String() + ":" + term
		}
		if w.IntN(4) == 0 {
			term = "-" + term
		}
		if len(all) > 0 && w.IntN(2) == 0 {
			all = append(all, "OR")
		}
		all = append(all, term)
	}
	return strings.Join(all, " ")
}

// Random queries in all scripts find the same with an index and without, however the mail is
// encoded, within mailboxes, dates, sizes and flags, in one night and in all.
func TestLanguages(t *testing.T) {
	w := &writer{rand.New(rand.NewPCG(14, 4)), t}
	r := newRepo(t, &storetest.Memory{})
	a := archivetest.NewAccount()
	names := []string{"INBOX", "Archive", "Работа"}
	for range 3 {
		for range 50 {
			box := a.Mailbox(names[w.IntN(len(names))])
			m := box.Add(w.message())
			if w.IntN(3) == 0 {
				box.SetFlags(m.UID, `\Flagged`)
			}
			if w.IntN(10) == 0 {
				box.Expunge(box.Messages[w.IntN(len(box.Messages))].UID)
			}
		}
		archivetest.Backup(t, r, a)
	}
	x := open(t, r)
	live, _ := bring(t, x)
	heads := listed(t, r)
	tried := 0
	for range 60 * seeds { // the race detector takes long
		text := w.query()
		q, err := words.Parse(text)
		if err != nil {
			continue // such as a prefix of one letter
		}
		tried++
		s := textindex.Search{Words: q}
		wants := func(*manifest.Mailbox) bool { return true }
		if w.IntN(3) == 0 {
			name := names[w.IntN(len(names))]
			s.Wants = func(m *mail.Mailbox) bool { return m.Name == name }
			wants = func(m *manifest.Mailbox) bool { return m.Name == name }
		}
		switch w.IntN(4) {
		case 0:
			s.Query.Since = time.Unix(1e9+600, 0)
		case 1:
			s.Query.Larger = 600
		}
		plain := s.Query
		plain.Message = &textindex.Matcher{Query: q}
		compareAll(t, r, x, live, s, plain, wants, text)
		if w.IntN(4) == 0 {
			s.Query.Flags, plain.Flags = []string{`\Flagged`}, []string{`\Flagged`}
		}
		c, err := archive.OpenManifest(t.Context(), r, heads[w.IntN(len(heads))])
		if err != nil {
			t.Fatal(err)
		}
		compareNight(t, x, live, c, s, plain, wants, text)
	}
	if tried < 40*seeds {
		t.Errorf("%d queries show little", tried)
	}
}
