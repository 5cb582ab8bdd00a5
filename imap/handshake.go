package imap

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/klauspost/compress/flate"

	"github.com/mailstrata/mailstrata/imap/internal/netconn"
	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/internal/printable"
	"github.com/mailstrata/mailstrata/mail"
)

// greetingTimeout is how long a server may take to send its greeting. A server that is silent then
// usually speaks another protocol at this port.
const greetingTimeout = 30 * time.Second

// handshake prepares a fresh connection: TLS, the greeting, login, ID, ENABLE and COMPRESS.
type handshake struct{ *Conn }

// run does all steps. Afterwards the connection accepts commands.
func (h *handshake) run(ctx context.Context, utf8 bool) error {
	h.socket.Stall = min(h.socket.Stall, greetingTimeout)
	if h.opts.Security == TLS {
		if err := h.secure(ctx); err != nil {
			return err
		}
	}
	preauth, err := h.readGreeting(ctx)
	if err != nil {
		return err
	}
	h.socket.Stall = h.opts.stall()
	if h.opts.Security == StartTLS {
		if err := h.startTLS(ctx, preauth); err != nil {
			return err
		}
	}
	if err := h.needCapabilities(ctx); err != nil {
		return err
	}
	if !preauth {
		if err := (&login{h.Conn}).run(ctx); err != nil {
			return err
		}
	}
	if err := h.needCapabilities(ctx); err != nil {
		return err
	}
	return h.introduce(ctx, utf8)
}

func (h *handshake) readGreeting(ctx context.Context) (preauth bool, err error) {
	speaksTLS := false
	if h.opts.Security != TLS {
		probeForLoss := h.socket.OnSilence
		h.socket.OnSilence = func() {
			if speaksTLS = h.opts.speaksTLS(ctx); speaksTLS {
				h.socket.Close() // which ends the read
			}
		}
		defer func() { h.socket.OnSilence = probeForLoss }()
	}
	resp, err := h.r.Next()
	switch {
	case speaksTLS && err != nil:
		return false, h.fail(&handlerError{fmt.Errorf("%s speaks only TLS on this port; write imaps://",
			h.opts.Address())})
	case errors.Is(err, netconn.ErrStalled) && h.opts.Security != TLS:
		err = fmt.Errorf("%w, no greeting came", err)
	}
	if err != nil {
		return false, h.fail(err)
	}
	h.observe(resp)
	switch {
	case resp.Tag != "*":
	case resp.Name == "OK" || resp.Name == "PREAUTH":
		return resp.Name == "PREAUTH", nil
	case resp.Name == "BYE":
		return false, h.fail(h.bye)
	}
	return false, h.fail(&handlerError{fmt.Errorf("%s does not speak IMAP: it greets with %q",
		h.opts.Address(), printable.Text(resp.Tag+" "+resp.Name+" "+resp.Text))})
}

// needCapabilities asks for the capabilities, unless the server has sent them already.
func (c *Conn) needCapabilities(ctx context.Context) error {
	if c.capsKnown {
		return nil
	}
	return c.Do(ctx, NewCommand("CAPABILITY"))
}

// introduce sends what is sent once after login: ID; ENABLE, which must precede any SELECT (RFC
// 5161 section 3.1). It waits for the answers only before COMPRESS; see Conn.Introduced.
func (h *handshake) introduce(ctx context.Context, utf8 bool) error {
	if h.caps.has("ID") && !h.Avoids("ID") {
		h.introduction = append(h.introduction, h.identify())
	}
	if cmd := h.enable(utf8); cmd != nil {
		h.introduction = append(h.introduction, cmd)
	}
	if err := h.StartAll(h.introduction...); err != nil {
		return err
	}
	if h.opts.Compress && h.caps.has("COMPRESS=DEFLATE") && !h.Avoids("COMPRESS") {
		return h.compress(ctx)
	}
	return nil
}

// Limits of what is kept of an ID (RFC 2971 section 3.3).
const (
	maxFields = 30
	maxField  = 30 + 1024
)

// identify sends the client's name and version, and keeps the server's (RFC 2971).
func (h *handshake) identify() *Command {
	cmd := NewCommand("ID").Optional().Raw(` ("name" "mailstrata" "version" `).Text(cmp.Or(h.opts.Version, "unknown")).Raw(")")
	cmd.OnResponse = func(resp *wire.Response) (bool, error) {
		if resp.Name != "ID" {
			return false, nil
		}
		first := h.id == nil
		h.id = nil
		for _, list := range resp.Args {
			for i := 0; i+1 < len(list.List) && len(h.id) < maxFields; i += 2 {
				name, value := list.List[i].Text, list.List[i+1].Bytes()
				if len(name)+len(value) <= maxField {
					h.id = append(h.id, mail.Field{Name: string(name), Value: string(value)})
				}
			}
		}
		id := h.id
		h.quirks.id.Store(&id)
		return first, nil
	}
	return cmd
}

// enable asks for mod-sequences, removals by UID, and UTF-8 (RFC 5161, 7162, 6855).
func (h *handshake) enable(utf8 bool) *Command {
	if !h.caps.has("ENABLE") || h.Avoids("ENABLE") {
		return nil
	}
	words := ""
	for _, word := range []string{"CONDSTORE", "QRESYNC", "UTF8=ACCEPT"} {
		if h.caps.has(word) && (utf8 || word != "UTF8=ACCEPT") {
			words += " " + word
		}
	}
	if words == "" {
		return nil
	}
	return NewCommand("ENABLE").Raw(words).Optional()
}

// compress puts DEFLATE over the connection (RFC 4978). Bytes that follow the server's OK are
// compressed already.
func (h *handshake) compress(ctx context.Context) error {
	if err := h.Do(ctx, NewCommand("COMPRESS").Raw(" DEFLATE").Optional()); err != nil {
		if h.dead != nil {
			return err
		}
		return nil // refused: go on without it
	}
	deflate, err := flate.NewWriter(h.transport, flate.DefaultCompression)
	if err != nil {
		return h.fail(err)
	}
	h.readFrom(flate.NewReader(h.r.Input))
	h.w = bufio.NewWriterSize(deflate, 64<<10)
	h.flusher = deflate
	return nil
}
