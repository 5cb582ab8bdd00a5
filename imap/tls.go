package imap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// probeTimeout is how long a handshake may take that only finds out what a port speaks.
const probeTimeout = 5 * time.Second

// speaksTLS reports whether a silent server waits for a TLS handshake. It asks over a connection of
// its own, because the server may only be slow to greet. It checks no certificate, because nothing
// else is sent and the connection ends.
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

// startTLS secures the connection before anything else is sent. It forgets what the server said in
// plain text. Bytes between the server's OK and the handshake were injected by an attacker (RFC
// 9051 section 11.2; CVE-2011-0411).
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

// explainOldTLS explains a handshake that failed because both sides have nothing secure enough in
// common. It returns nil if there is another reason. It connects once more and accepts anything, to
// find out what the server supports, and sends nothing else.
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
