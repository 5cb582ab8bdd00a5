package imapserver

import (
	"bytes"
	"strings"

	"github.com/mailstrata/mailstrata/internal/header"
	"github.com/mailstrata/mailstrata/mail/charset"
	"github.com/mailstrata/mailstrata/mail/entity"
)

// maxSearched is how many bytes of a text are searched, encoded as it is.
const maxSearched = 16 << 20

// onText returns the test of a text in the texts of a message, and with fields in its header and
// those of its parts, too. It reads the messages. Attachments that are no text are neither searched
// nor read.
func (m *matcher) onText(text string, fields bool) test {
	text = folded(text)
	return test{ofTexts, func(c *candidate) (bool, error) {
		t, err := c.tree()
		if err != nil {
			return false, err
		}
		for e := range t.root.All() {
			if fields && hasField(e.Header.Of(t.skeleton.Text), text) {
				return true, nil
			}
			if e.Type != "text" {
				continue
			}
			found, err := c.hasText(t, e, text)
			if found || err != nil {
				return found, err
			}
		}
		return false, nil
	}}
}

// hasField reports whether a field of a header has a text.
func hasField(head []byte, text string) bool {
	for name, value := range header.Fields(head) {
		if strings.Contains(folded(name+": "+header.Decode(value)), text) {
			return true
		}
	}
	return false
}

// hasText reports whether a part of the message has a text, decoded.
func (m *message) hasText(t *tree, e *entity.Entity, text string) (bool, error) {
	offset, size := t.span(e.Body)
	if size > largeText {
		end, err := m.server.large.Take(m.ctx)
		if err != nil {
			return false, err
		}
		defer end()
	}
	var b bytes.Buffer
	if err := m.write(&b, &body{offset: offset, size: min(size, maxSearched)}); err != nil {
		return false, err
	}
	alone := entity.Entity{Encoding: e.Encoding, Body: entity.Range{Length: b.Len()}}
	decoded := charset.Decode(e.Charset(), alone.Decode(b.Bytes()))
	return strings.Contains(folded(decoded), text), nil
}
