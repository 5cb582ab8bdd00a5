package imap

import (
	"context"
	"io"
	"strings"
)

// SetRights gives an identifier rights to a mailbox in place of those that it has (RFC 4314 section 3.1).
func (c *Client) SetRights(ctx context.Context, raw, identifier, rights string) error {
	return c.do(ctx, newCommand("SETACL").mailbox(raw).raw(" ").text(identifier).raw(" ").text(rights))
}

// KnownRights returns of rights, which may be those of another server, the letters that this server has. It leaves out c and d,
// which stand for several rights of a newer server (RFC 4314 section 2.1.1).
func (c *Client) KnownRights(rights string) string {
	known := "lrswipa"
	if newer, ok := c.caps.value("RIGHTS"); ok {
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

// SetAnnotation sets an annotation of a mailbox, or, without a name, of the account (RFC 5464 section 4.3).
func (c *Client) SetAnnotation(ctx context.Context, raw, name, value string) error {
	cmd := newCommand("SETMETADATA")
	if raw == "" {
		cmd.raw(` ""`)
	} else {
		cmd.mailbox(raw)
	}
	cmd.raw(" (").text(name).raw(" ")
	if strings.Contains(value, "\x00") {
		cmd.add(&literal{size: int64(len(value)), binary: true, write: func(w io.Writer) error {
			_, err := io.WriteString(w, value)
			return err
		}})
	} else {
		cmd.text(value)
	}
	return c.do(ctx, cmd.raw(")"))
}
