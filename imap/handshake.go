package imap

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/flate"

	"github.com/mailstrata/mailstrata/imap/internal/netconn"
	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/mail"
)

// greetingTimeout is how long a server may take to send its greeting. A server that is silent then usually speaks
// another protocol at this port.
const greetingTimeout = 30 * time.Second

// probeTimeout is how long a handshake may take that only finds out what a port speaks.
const probeTimeout = 5 * time.Second

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
		return false, h.fail(&handlerError{fmt.Errorf("%s speaks only TLS on this port; write imaps://", h.opts.Address())})
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
		h.opts.Address(), wire.Printable(resp.Tag+" "+resp.Name+" "+resp.Text))})
}

// speaksTLS reports whether a silent server waits for a TLS handshake. It asks over a connection of its own, because
// the server may only be slow to greet. It checks no certificate, because nothing else is sent and the connection ends.
func (o *Options) speaksTLS(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, min(o.stall(), probeTimeout))
	defer cancel()
	conn, err := o.dial(ctx)
	if err != nil {
		return false
	}
	defer conn.Close()
	return tls.Client(conn, &tls.Config{ServerName: o.Host, InsecureSkipVerify: true}).HandshakeContext(ctx) == nil
}

func (h *handshake) secure(ctx context.Context) error {
	secured := tls.Client(h.transport, h.opts.tlsConfig())
	if err := secured.HandshakeContext(ctx); err != nil {
		return h.fail(&handlerError{h.explainTLS(ctx, err)})
	}
	h.adopt(secured)
	return nil
}

// explainTLS distinguishes a certificate that cannot be trusted from a handshake that broke off.
func (h *handshake) explainTLS(ctx context.Context, err error) error {
	var cert *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) { // without its hints, which mislead here
		return fmt.Errorf("%s shows a certificate that cannot be trusted: %w", h.opts.Host,
			x509.UnknownAuthorityError{Cert: unknown.Cert})
	}
	if errors.As(err, &cert) {
		return fmt.Errorf("%s shows a certificate that cannot be trusted: %w", h.opts.Host, cert.Err)
	}
	var record tls.RecordHeaderError
	if errors.As(err, &record) {
		return fmt.Errorf("%s does not speak TLS on this port; is it the one for STARTTLS (imap://)?", h.opts.Address())
	}
	if ctx.Err() == nil {
		if old := h.explainOldTLS(ctx, err); old != nil {
			return old
		}
	}
	return lost(h.opts.Address(), "the TLS handshake", "", err)
}

// startTLS secures the connection before anything else is sent. It forgets what the server said in plain text. Bytes
// between the server's OK and the handshake were injected by an attacker (RFC 9051 section 11.2; CVE-2011-0411).
func (h *handshake) startTLS(ctx context.Context, preauth bool) error {
	if preauth {
		return h.fail(&handlerError{fmt.Errorf("%w: %s treats the connection as logged in already, in plain text, "+
			"where STARTTLS is impossible", ErrInsecure, h.opts.Host)})
	}
	cmd := NewCommand("STARTTLS")
	if err := h.Start(cmd); err != nil {
		return err
	}
	if err := h.Wait(cmd); h.dead != nil {
		return err
	} else if err != nil {
		return fmt.Errorf("%w: %s offers no STARTTLS: %w", ErrInsecure, h.opts.Host, err)
	}
	if h.r.Input.Buffered() > 0 {
		return h.fail(&handlerError{fmt.Errorf("%w: plain text was inserted into the connection to %s after STARTTLS",
			ErrInsecure, h.opts.Host)})
	}
	h.caps, h.capsKnown = nil, false
	return h.secure(ctx)
}

// needCapabilities asks for the capabilities, unless the server has sent them already.
func (c *Conn) needCapabilities(ctx context.Context) error {
	if c.capsKnown {
		return nil
	}
	return c.Do(ctx, NewCommand("CAPABILITY"))
}

// introduce sends what is sent once after login: ID; ENABLE, which must precede any SELECT (RFC 5161 section 3.1). It
// waits for the answers only before COMPRESS; see Conn.Introduced.
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
	cmd := NewCommand("ID").Raw(` ("name" "mailstrata" "version" `).Text(cmp.Or(h.opts.Version, "unknown")).Raw(")")
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
	return NewCommand("ENABLE").Raw(words)
}

// compress puts DEFLATE over the connection (RFC 4978). Bytes that follow the server's OK are compressed already.
func (h *handshake) compress(ctx context.Context) error {
	if err := h.Do(ctx, NewCommand("COMPRESS").Raw(" DEFLATE")); err != nil {
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

// ErrOldTLS means that the server supports no version or cipher of TLS that is secure enough.
var ErrOldTLS = errors.New("the server's TLS is too old")

// tlsConfig accepts TLS 1.2 and 1.3 with forward secrecy, or older versions if OldTLS is set.
func (o *Options) tlsConfig() *tls.Config {
	config := &tls.Config{ServerName: o.Host, RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12}
	if o.OldTLS {
		allowOldTLS(config)
	}
	return config
}

// allowOldTLS accepts all that crypto/tls supports.
func allowOldTLS(config *tls.Config) {
	config.MinVersion = tls.VersionTLS10
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		config.CipherSuites = append(config.CipherSuites, suite.ID)
	}
}

// explainOldTLS explains a handshake that failed because both sides have nothing secure enough in common. It returns
// nil if there is another reason. It connects once more and accepts anything, to find out what the server supports,
// and sends nothing else.
func (h *handshake) explainOldTLS(ctx context.Context, failure error) error {
	what, speaks := "", false
	if !h.opts.OldTLS && h.opts.Security == TLS {
		what, speaks = h.opts.probeOldTLS(ctx)
	}
	refused := slices.ContainsFunc([]string{"handshake failure", "protocol version", "insufficient security",
		"unconfigured cipher suite"},
		func(words string) bool { return strings.Contains(failure.Error(), words) })
	switch {
	case speaks:
		return fmt.Errorf("%w: %s speaks %s, but TLS 1.2 with forward secrecy is needed (%w)", ErrOldTLS, h.opts.Address(),
			what, failure)
	case refused && h.opts.Security == StartTLS && !h.opts.OldTLS:
		return fmt.Errorf("%w: %s accepts neither TLS 1.2 nor 1.3 with forward secrecy (%w)", ErrOldTLS, h.opts.Address(),
			failure)
	case refused:
		return fmt.Errorf("%s has no TLS version and cipher in common with this program, which lacks finite-field DHE "+
			"and SSL 3: ask its operator to allow TLS 1.2 with ECDHE (%w)", h.opts.Address(), failure)
	}
	return nil
}

// probeOldTLS returns what a server speaks that refuses every secure handshake.
func (o *Options) probeOldTLS(ctx context.Context) (what string, speaks bool) {
	ctx, cancel := context.WithTimeout(ctx, min(o.stall(), probeTimeout))
	defer cancel()
	conn, err := o.dial(ctx)
	if err != nil {
		return "", false
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(probeTimeout))
	config := &tls.Config{ServerName: o.Host, InsecureSkipVerify: true}
	allowOldTLS(config)
	secured := tls.Client(conn, config)
	if secured.HandshakeContext(ctx) != nil {
		return "", false
	}
	state := secured.ConnectionState()
	secure := slices.ContainsFunc(tls.CipherSuites(), func(s *tls.CipherSuite) bool { return s.ID == state.CipherSuite })
	if state.Version >= tls.VersionTLS12 && secure {
		return "", false
	}
	return tls.VersionName(state.Version) + " with " + tls.CipherSuiteName(state.CipherSuite), true
}
