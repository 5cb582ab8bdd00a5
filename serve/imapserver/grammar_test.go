package imapserver

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/archive/layout"
	"github.com/mailstrata/mailstrata/mail/entity"
)

// grammar reads the items of a FETCH response: lists, strings, literals and atoms. It refuses what
// RFC 3501 section 9 does not allow.
type grammar struct {
	text string
	at   int
}

func (g *grammar) value(depth int) error {
	if g.at >= len(g.text) || depth > 1000 {
		return fmt.Errorf("a value is missing at %d", g.at)
	}
	switch g.text[g.at] {
	case '(':
		g.at++
		for first := true; ; first = false {
			if g.at < len(g.text) && g.text[g.at] == ')' {
				g.at++
				return nil
			}
			// Lists of addresses and bodies follow each other without a blank.
			if !first && !(g.at < len(g.text) && g.text[g.at] == '(' && g.text[g.at-1] == ')') {
				if g.at >= len(g.text) || g.text[g.at] != ' ' {
					return fmt.Errorf("no blank at %d", g.at)
				}
				g.at++
			}
			if err := g.value(depth + 1); err != nil {
				return err
			}
		}
	case '"':
		for g.at++; g.at < len(g.text) && g.text[g.at] != '"'; g.at++ {
			if c := g.text[g.at]; c == '\\' {
				g.at++
			} else if c == 0 || c == '\r' || c == '\n' || c >= 0x80 {
				return fmt.Errorf("%q in a quoted string", c)
			}
		}
		g.at++
		return nil
	case '{':
		var size int
		if _, err := fmt.Sscanf(g.text[g.at:], "{%d}", &size); err != nil {
			return err
		}
		g.at += strings.IndexByte(g.text[g.at:], '\n') + 1
		if size > len(g.text)-g.at {
			return fmt.Errorf("a literal of %d bytes at %d", size, g.at)
		}
		g.at += size
		return nil
	}
	start := g.at
	for g.at < len(g.text) && g.text[g.at] > ' ' && g.text[g.at] < 0x7f && !strings.ContainsRune(`(){"\`, rune(g.text[g.at])) {
		g.at++
	}
	if g.at == start {
		return fmt.Errorf("no atom at %d: %.20q", start, g.text[start:])
	}
	return nil
}

// Whatever a message is, its envelope and its structure can be read by a client.
func FuzzStructure(f *testing.F) {
	for _, seed := range []string{
		"From: a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nTo: c\r\n\r\n--b--\r\n",
		"", "\x00", "From: \"\x00\xff\r\n\r\n", "Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n", "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ny",
		"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeA==\r\n", "To: a:;\r\nContent-Type: text/\"a\r\n b\"; x=\"\\\"\r\n\r\n",
		"Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: \xe4\n\nx\n--b--\n", "Content-Language: a, b\r\nContent-Disposition: inline; filename=\"\xfc\"\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		parsed := &tree{entity.Parse(text), &layout.Skeleton{Text: text}}
		for _, written := range [][]byte{
			appendEnvelope(nil, text), parsed.appendEntity(nil, parsed.root, false), parsed.appendEntity(nil, parsed.root, true),
		} {
			g := &grammar{text: string(written)}
			if err := g.value(0); err != nil || g.at != len(g.text) {
				t.Fatalf("%q\n%q: %v", text, written, err)
			}
		}
		for e := range parsed.root.All() {
			for _, of := range []entity.Range{e.Header, e.Body} {
				if offset, size := parsed.span(of); offset < 0 || size < 0 || offset+size > int64(len(text)) {
					t.Fatalf("%q has a section from %d, of %d bytes", text, offset, size)
				}
			}
		}
	})
}
