package imapserver

import (
	"strings"

	"github.com/mailstrata/mailstrata/internal/header"
	"github.com/mailstrata/mailstrata/serve/internal/address"
)

// appendEnvelope appends the ENVELOPE of the message.
func (m *message) appendEnvelope(b []byte) ([]byte, error) {
	text, err := m.header()
	if err != nil {
		return nil, err
	}
	return appendEnvelope(b, text), nil
}

// envelopeFields are the fields of an envelope, in lower case, in its order (RFC 3501 section
// 7.4.2).
var envelopeFields = [...]string{
	"date", "subject", "from", "sender", "reply-to", "to", "cc", "bcc", "in-reply-to", "message-id",
}

// The fields that are lists of addresses, and that From stands in for.
const (
	fromField    = 2
	senderField  = 3
	replyToField = 4
	bccField     = 7
)

// appendEnvelope appends the envelope of a header. Of addresses, all fields of a name count; of
// others the first.
func appendEnvelope(b, text []byte) []byte {
	var values [len(envelopeFields)][]string
	for name, value := range header.Fields(text) {
		for n, field := range envelopeFields {
			if len(name) != len(field) || !strings.EqualFold(name, field) {
				continue
			}
			if value != "" && (len(values[n]) == 0 || n >= fromField && n <= bccField) {
				values[n] = append(values[n], value)
			}
		}
	}
	from := appendAddresses(nil, strings.Join(values[fromField], ", "))
	b = append(b, '(')
	for n := range values {
		b = space(b, n)
		value := strings.Join(values[n], ", ")
		if n < fromField || n > bccField {
			b = appendNString(b, value)
			continue
		}
		start := len(b)
		if b = appendAddresses(b, value); (n == senderField || n == replyToField) && string(b[start:]) == "NIL" {
			b = append(b[:start], from...)
		}
	}
	return append(b, ')')
}

// appendAddresses appends a list of addresses, or NIL.
func appendAddresses(b []byte, value string) []byte {
	list := address.Parse(value)
	if len(list) == 0 {
		return append(b, "NIL"...)
	}
	b = append(b, '(')
	for _, a := range list {
		b = appendNString(append(b, '('), a.Name)
		b = appendNString(append(b, ' '), a.Route)
		b = append(b, ' ')
		if a.Group {
			b = append(appendNString(b, a.Mailbox), " NIL)"...) // NIL for the mailbox ends the group
			continue
		}
		b = appendString(b, a.Mailbox)
		b = append(appendString(append(b, ' '), a.Host), ')')
	}
	return append(b, ')')
}
