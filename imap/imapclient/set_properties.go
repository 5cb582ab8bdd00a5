package imapclient

import (
	"context"
	"io"
	"strings"

	"github.com/mailstrata/mailstrata/imap"
)

// SetRights gives an identifier rights to a mailbox in place of those that it has (RFC 4314 section
// 3.1).
func (c *Client) SetRights(ctx context.Context, raw, identifier, rights string) error {
	return c.Do(ctx, imap.NewCommand("SETACL").Mailbox(raw).Raw(" ").Text(identifier).Raw(" ").Text(rights))
}

// KnownRights returns of rights, which may be those of another server, the letters that this server
// has. It leaves out c and d, which stand for several rights of a newer server (RFC 4314 section
// 2.1.1).
func (c *Client) KnownRights(rights string) string {
	known := "lrswipa"
	if newer, ok := c.CapabilityValue("RIGHTS"); ok {
		known += strings.ToLower(newer)
	} else {
		known += "cd"
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(known, r) {
			return r
		}
		return -1
	}, rights)
}

// SetAnnotation sets an annotation of a mailbox, or, without a name, of the account (RFC 5464
// section 4.3).
func (c *Client) SetAnnotation(ctx context.Context, raw, name, value string) error {
	cmd := imap.NewCommand("SETMETADATA")
	if raw == "" {
		cmd.Raw(` ""`)
	} else {
		cmd.Mailbox(raw)
	}
	cmd.Raw(" (").Text(name).Raw(" ")
	if strings.Contains(value, "\x00") {
		cmd.Literal(int64(len(value)), true, func(w io.Writer) error {
			_, err := io.WriteString(w, value)
			return err
		})
	} else {
		cmd.Text(value)
	}
	return c.Do(ctx, cmd.Raw(")"))
}
